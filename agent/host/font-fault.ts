import { resolveFont } from '../render/fonts.ts';

/** What is wrong with the font of the texts on this PC, and what to do; undefined when it is the one that is asked for. */
export async function findFontFault(folders?: readonly string[]): Promise<string | undefined> {
  try {
    const { family } = await resolveFont(folders);
    if (family === 'Impact') return undefined;
    return `The font Impact is not on this PC: ${family} stands in for it, and texts look different here. Install Impact.`;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return `No font for texts on this PC, jobs with texts fail here: ${reason}. Install Impact, or the agent anew.`;
  }
}
