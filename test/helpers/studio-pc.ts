import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { recordedFailure } from './ffmpeg-says.ts';

/** A PC with cards that this one lacks: programs that answer as FFmpeg and nvidia-smi do there. */
export interface StudioPc {
  /** Holds `ffmpeg` and `nvidia-smi`. */
  readonly folder: string;
  readonly ffmpeg: string;
  readonly nvidiaSmi: string;
  /** From now on. A pattern is the shell's, of all arguments; the first one that matches counts. */
  fails(rules: readonly (readonly [pattern: string, recorded: string])[]): Promise<void>;
  /** NVENC encodes at once. */
  sessions(count: number, recorded?: string): Promise<void>;
  /** What nvidia-smi lists; `isLost`: it complains about one more. */
  cards(lines: readonly string[], isLost?: boolean): Promise<void>;
  /** The arguments of every call but `-version`. */
  asked(): Promise<readonly string[]>;
}

/** Every encoder that a studio PC with an NVIDIA card has not. */
export const noOtherHardware = [
  ['*h264_qsv*', '5.1/encoder-absent.qsv'],
  ['*h264_amf*', '5.1/encoder-absent.amf'],
  ['*h264_vaapi*', '5.1/encoder-absent.vaapi'],
] as const;

const fixture = (name: string): string => fileURLToPath(new URL(`../fixtures/host/${name}`, import.meta.url));

export async function studioPc(folder: string): Promise<StudioPc> {
  const program = async (name: string, script: string): Promise<string> => {
    const file = join(folder, name);
    await writeFile(file, `#!/bin/sh\nSTUDIO_PC='${folder}' exec '${fixture(script)}' "$@"\n`);
    await chmod(file, 0o755);
    return file;
  };
  const put = (name: string, text: string): Promise<void> => writeFile(join(folder, name), text);
  const pc: StudioPc = {
    folder,
    // Not called ffmpeg: the script starts the real one by that name.
    ffmpeg: await program('studio-ffmpeg', 'studio-ffmpeg'),
    nvidiaSmi: await program('nvidia-smi', 'studio-nvidia-smi'),
    fails: (rules) =>
      put(
        'rules',
        [...rules, ...noOtherHardware]
          .map(([pattern, name]) => `${pattern}\t${recordedFailure(name).file}\n`)
          .join(''),
      ),
    async sessions(count, recorded = '5.1/sessions.out-of-memory') {
      await put('no-session', recordedFailure(recorded).file);
      await put('sessions', `${count}`);
    },
    async cards(lines, isLost = false) {
      await put('cards', lines.map((line) => `${line}\n`).join(''));
      if (isLost) await put('lost', '');
    },
    asked: async () =>
      (await readFile(join(folder, 'asked'), 'utf8')).split('\n').filter((line) => line !== ''),
  };
  await put('asked', '');
  await pc.fails([]);
  await pc.sessions(64);
  await pc.cards(['0, NVIDIA GeForce GTX 1060 6GB, 572.16, 6144']);
  return pc;
}
