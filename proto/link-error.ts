/** What can go wrong with a link at this end. Stable: callers decide by it. */
export type LinkErrorCode = 'MESSAGE_TOO_LARGE' | 'LINK_OVERFLOW' | 'LINK_STALLED' | 'LINK_CLOSED';

export class LinkError extends Error {
  readonly code: LinkErrorCode;

  constructor(code: LinkErrorCode, message: string) {
    super(message);
    this.name = 'LinkError';
    this.code = code;
  }
}
