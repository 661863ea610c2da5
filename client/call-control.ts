export interface CallControl {
  /** Ends the call by throwing the signal's reason. What was sent may have taken effect. */
  readonly signal?: AbortSignal;
}
