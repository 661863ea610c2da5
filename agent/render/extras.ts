import type { Problem } from '../../proto/agent-link.ts';
import { makeContactSheet } from './contact-sheet.ts';
import { ExtraFailedError } from './extra-failed.ts';
import type { FfmpegContext } from './ffmpeg.ts';
import { makePreview } from './preview.ts';
import type { RenderProblemCode } from './problem-codes.ts';
import type { RenderPlan } from './render-plan.ts';
import { explainSystemError } from './system-failure.ts';

export interface ExtrasWanted {
  readonly contactSheet?: boolean;
  readonly preview?: boolean;
}

/** Names in the work folder; absent: not asked for, or it could not be made. */
export interface ExtraFiles {
  readonly contactSheet?: string;
  readonly preview?: string;
}

/**
 * Makes what was asked for beside a result that is good already. What cannot be made is left out, with a warning. Rejects with
 * the signal's reason only.
 */
export async function makeExtras(
  context: FfmpegContext,
  plan: RenderPlan,
  file: string,
  wanted: ExtrasWanted & { readonly onWarning: (warning: Problem) => void },
): Promise<ExtraFiles> {
  const attempt = async (what: string, make: () => Promise<string>): Promise<string | undefined> => {
    try {
      return await make();
    } catch (error) {
      context.signal.throwIfAborted();
      const reason = reasonOf(error);
      if (reason === undefined) throw error;
      const code = 'EXTRA_FAILED' satisfies RenderProblemCode;
      wanted.onWarning({ code, message: `The ${what} could not be made: ${reason}` });
      return undefined;
    }
  };
  const sheet =
    wanted.contactSheet === true
      ? await attempt('contact sheet', () => makeContactSheet(context, plan, file))
      : undefined;
  const preview =
    wanted.preview === true ? await attempt('preview', () => makePreview(context, plan, file)) : undefined;
  return {
    ...(sheet === undefined ? {} : { contactSheet: sheet }),
    ...(preview === undefined ? {} : { preview }),
  };
}

/** Undefined: a broken assumption of ours. */
function reasonOf(error: unknown): string | undefined {
  if (error instanceof ExtraFailedError) return error.message.trim();
  return explainSystemError(error)?.message;
}
