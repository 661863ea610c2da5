import type { RenderfarmClient } from '../renderfarm-client.ts';
import type { ExitCode } from './exit-codes.ts';
import type { Terminal } from './terminal.ts';

/** Runs a command with a client and a terminal, and tells its exit code. */
export type Run = (act: (client: RenderfarmClient, terminal: Terminal) => Promise<ExitCode>) => Promise<void>;
