/** Metadata in which an agent says who it is, for calls beside its stream. */
export const agentIdKey = 'renderfarm-agent-id';
