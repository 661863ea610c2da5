/**
 * Why a result that is asked to be published is not wanted, in shadow mode. An agent that knows it closes the log of the
 * job as rendered; an older one as superseded.
 */
export const shadowReason = 'shadow mode: rendered and verified, kept nowhere';
