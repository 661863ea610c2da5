import process from 'node:process';
import { type Command, CommanderError } from 'commander';
import { type ExitCode, exitCodeOf, exitCodes } from './exit-codes.ts';
import { printError } from './print-error.ts';
import { program } from './program.ts';
import type { Terminal } from './terminal.ts';

/** Runs the command line and sets the exit code. The only file of the client that reads the environment. */
async function main(): Promise<void> {
  const stop = new AbortController();
  process.once('SIGINT', () => stop.abort(new Error('interrupted')));
  process.once('SIGTERM', () => stop.abort(new Error('terminated')));
  // `renderfarm watch | head`: whoever read us is gone.
  process.stdout.on('error', () => stop.abort(new Error('output closed')));
  const terminal = (json: boolean): Terminal => ({
    stdout: process.stdout,
    stderr: process.stderr,
    signal: stop.signal,
    json,
  });
  const root = program({ env: process.env, terminal, ended: (code) => (process.exitCode = code) });
  for (const command of everyCommand(root)) command.exitOverride();
  try {
    await root.parseAsync(process.argv);
  } catch (error) {
    const { json = false, verbose = false } = root.opts<{ json?: boolean; verbose?: boolean }>();
    process.exitCode = failed(error, terminal(json), verbose);
  }
}

/** A command and all below it: a subcommand ends the process by itself otherwise. */
function everyCommand(command: Command): readonly Command[] {
  return [command, ...command.commands.flatMap(everyCommand)];
}

function failed(error: unknown, terminal: Terminal, verbose: boolean): ExitCode {
  if (error instanceof CommanderError) {
    // Commander has said what is wrong.
    return error.exitCode === 0 ? exitCodes.ok : exitCodes.invalid;
  }
  if (terminal.signal.aborted) return exitCodes.interrupted;
  printError(terminal, error, verbose);
  return exitCodeOf(error);
}

void main();
