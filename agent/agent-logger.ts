import type { Logger } from 'pino';

/** What the agent's rooms need of pino. */
export type AgentLogger = Pick<Logger, 'debug' | 'info' | 'warn' | 'error'>;
