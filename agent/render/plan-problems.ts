import type { Problem } from '../../proto/agent-link.ts';
import type { RenderProblemCode } from './problem-codes.ts';
import type { RenderItem } from './render-request.ts';

export type Complain = (code: RenderProblemCode, message: string, subject?: string) => void;

/** Gathers what is wrong with one item; every message ends with the item's name. */
export interface Complaints {
  readonly problems: Problem[];
  readonly warnings: Problem[];
  readonly complain: Complain;
  readonly warn: Complain;
}

export function complainAbout({ position, itemType, sourcePath }: RenderItem): Complaints {
  const problems: Problem[] = [];
  const warnings: Problem[] = [];
  const addTo =
    (list: Problem[]): Complain =>
    (code, message, subject = sourcePath) => {
      list.push({ position, subject, code, message: `${message} (${itemType} at position ${position})` });
    };
  return { problems, warnings, complain: addTo(problems), warn: addTo(warnings) };
}
