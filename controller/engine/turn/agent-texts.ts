import type { AgentMessage, FinishedOutcome, Hello } from '../../../proto/agent-link.ts';

/** Characters of one sentence of an agent that are kept: it is shown in lists, and written with every change. */
const sentenceCharactersMax = 4_000;

type Said = Exclude<AgentMessage, Hello>;

/**
 * An agent's message with its free texts cut to what is kept. A message may have 1 MiB; a job list, a timeline and a
 * record that is written at every change may not. Problems stay whole: all of them belong into a failed job's record.
 */
export function withShortTexts(message: Said): Said {
  switch (message.kind) {
    case 'assignment-reply':
      return message.accepted
        ? message
        : { ...message, code: shortSentence(message.code), reason: shortSentence(message.reason) };
    case 'progress':
      return message.waiting === undefined
        ? message
        : { ...message, waiting: { ...message.waiting, reason: shortSentence(message.waiting.reason) } };
    case 'event':
      return message.event.type === 'finished'
        ? { ...message, event: { ...message.event, finished: shortOutcome(message.event.finished) } }
        : message;
    case 'sources-report':
    case 'prefetch-report':
      return message.message === undefined
        ? message
        : { ...message, message: shortSentence(message.message) };
    case 'host-checked':
      return { ...message, detail: shortSentence(message.detail) };
    case 'finish-publish-reply':
    case 'annul-publish-reply':
      return {
        ...message,
        ...(message.detail !== undefined && { detail: shortSentence(message.detail) }),
        ...(message.publishedPath !== undefined && { publishedPath: shortSentence(message.publishedPath) }),
      };
    case 'item-finished':
      return {
        ...message,
        ...(message.code !== undefined && { code: shortSentence(message.code) }),
        ...(message.message !== undefined && { message: shortSentence(message.message) }),
      };
    case 'files-seen':
    case 'items-released':
    case 'items-reclaimed':
    case 'heartbeat':
    case 'inventory':
    case 'recalled':
    case 'goodbye':
      return message;
  }
}

function shortOutcome(finished: FinishedOutcome): FinishedOutcome {
  return {
    ...finished,
    stderrTail: finished.stderrTail.map(shortSentence),
    ...(finished.message !== undefined && { message: shortSentence(finished.message) }),
    ...(finished.publishedPath !== undefined && { publishedPath: shortSentence(finished.publishedPath) }),
  };
}

export function shortSentence(text: string): string {
  return text.length <= sentenceCharactersMax ? text : `${text.slice(0, sentenceCharactersMax - 1)}…`;
}
