/**
 * `renderfarm-agent`: the agent of one PC. Exit codes: 0 a clean end; 1 it failed (a render, or the start of the
 * agent); 2 a wrong command line, configuration or job file; 130 interrupted.
 */
import process from 'node:process';
import { Command, InvalidArgumentError } from 'commander';
import { destination, pino } from 'pino';
import { createAgent, softwareVersion } from './agent.ts';
import type { AgentConfig } from './config.ts';
import { ConfigError, loadAgentConfig } from './config.ts';
import { compileCacheFolder } from './data-folder.ts';
import type { LeaveReason } from './host/leave-request.ts';
import { askToLeave, leaveReasons, watchLeaveRequests } from './host/leave-request.ts';
import type { SegmentFilter } from './local/cache-commands.ts';
import { cacheCommand } from './local/cache-commands.ts';
import { runDoctor } from './local/doctor-command.ts';
import { listFailed, removeFailed } from './local/failed-commands.ts';
import { planLocally, renderLocally } from './local/local-commands.ts';
import type { EncoderRungName } from './render/encoder.ts';
import { encoderLadder } from './render/encoder.ts';

const program = new Command('renderfarm-agent')
  .description('Renders jobs of a farm on this PC')
  .version(softwareVersion)
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2));

program
  .command('run', { isDefault: true })
  .description('attach to the controller and render what it assigns')
  .option('--config <file>', 'configuration (YAML)', process.env['FARM_AGENT_CONFIG'] ?? 'agent.yaml')
  .action(async ({ config }: { config: string }) => {
    process.exitCode = await run(config);
  });

program
  .command('leave')
  .description('ask the agent of this PC to give back what it renders, say Goodbye and end')
  .option('--config <file>', 'its configuration (YAML)', process.env['FARM_AGENT_CONFIG'] ?? 'agent.yaml')
  .option('--for <why>', `one of ${leaveReasons.join(', ')}`, reasonOf, 'shutdown')
  .action(async (flags: { config: string; for: LeaveReason }) => {
    process.exitCode = await leave(flags.config, flags.for);
  });

const cache = program
  .command('cache')
  .description('look after the finished segments of this PC, or those that agents share');

for (const [verb, what] of [
  ['list', 'the segments'],
  ['stats', 'how much there is, and how often it was of use'],
  ['verify', 'read every segment, and remove what is broken'],
  ['purge', 'remove segments'],
] as const) {
  const command = cache
    .command(verb)
    .description(what)
    .option('--config <file>', 'configuration (YAML)', process.env['FARM_AGENT_CONFIG'] ?? 'agent.yaml')
    .option('--shared', 'the shared segment cache instead of the one of this PC');
  if (verb !== 'stats') {
    command
      .option('--source <path>', 'of a source: UNC path, or the beginning of one')
      .option('--video-id <id>', 'of a video of the catalogue')
      .option('--host <agent>', 'that this agent has rendered')
      .option('--key <hex>', 'whose key begins so');
  }
  if (verb === 'purge') command.option('--all', 'all of them');
  command.action(async ({ config: file, ...flags }: SegmentFilter & { config: string; shared?: boolean }) => {
    const config = configOrExit(file);
    if (config !== undefined) process.exitCode = await cacheCommand(verb, { ...flags, config, print });
  });
}

const failed = program
  .command('failed')
  .description('look after the work folders of failed jobs that were to be kept (--keep-failed)');

failed
  .command('list')
  .description('the work folders, the newest first')
  .option('--config <file>', 'configuration (YAML)', process.env['FARM_AGENT_CONFIG'] ?? 'agent.yaml')
  .action(async ({ config: file }: { config: string }) => {
    const config = configOrExit(file);
    if (config !== undefined) process.exitCode = await listFailed({ config, print });
  });

failed
  .command('remove [name]')
  .description('remove those whose name begins so; all of them without a name')
  .option('--config <file>', 'configuration (YAML)', process.env['FARM_AGENT_CONFIG'] ?? 'agent.yaml')
  .action(async (name: string | undefined, { config: file }: { config: string }) => {
    const config = configOrExit(file);
    if (config !== undefined) process.exitCode = await removeFailed(name, { config, print });
  });

program
  .command('doctor')
  .description('try whether this PC can render, and with which encoders; ends with 1 when it cannot')
  .option('--config <file>', 'its configuration (YAML); without it no share is looked at')
  .option('--report <file>', 'write all that was found into one file, to send to us')
  .action(async ({ config: file, report }: { config?: string; report?: string }) => {
    const config = file === undefined ? undefined : configOrExit(file);
    if (file !== undefined && config === undefined) return;
    const abort = new AbortController();
    onSignals(() => abort.abort(new Error('interrupted')));
    const print = (line: string): void => void process.stdout.write(`${line}\n`);
    process.exitCode = await runDoctor({ config, report, softwareVersion, print, signal: abort.signal });
  });

interface LocalFlags {
  config?: string;
  out?: string;
  dataDir?: string;
  encoder?: EncoderRungName;
  threads?: number;
}

for (const [name, what, execute] of [
  ['render', 'render a job file into an MP4, without a farm', renderLocally],
  ['plan', 'print what would be rendered, and with which commands', planLocally],
] as const) {
  program
    .command(`${name} <job.json>`)
    .description(what)
    .option('--config <file>', 'take mounts, FFmpeg and encoder from a configuration')
    .option('--out <file>', 'the MP4 (render only); default <channel>_<job>.mp4 here')
    .option('--data-dir <folder>', 'keep caches here; default a folder of the system for temporary files')
    .option('--encoder <rung>', `one of ${encoderLadder.map((rung) => rung.name).join(', ')}`, rungOf)
    .option('--threads <n>', 'threads of each FFmpeg', threadsOf)
    .action(async (file: string, flags: LocalFlags) => {
      const config = flags.config === undefined ? undefined : configOrExit(flags.config);
      if (flags.config !== undefined && config === undefined) return;
      const abort = new AbortController();
      onSignals(() => abort.abort(new Error('interrupted')));
      process.exitCode = await execute({ ...flags, file, config, print, signal: abort.signal });
    });
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

// No top-level await: the single executable is one CommonJS file.
void program.parseAsync();

async function run(file: string): Promise<number> {
  const config = configOrExit(file);
  if (config === undefined) return 2;
  // Written at once: the last lines before an end are those that are looked for.
  const logger = pino(
    { level: config.logLevel, base: { agentId: config.agentId } },
    destination({ sync: true }),
  );
  // Read by the processes of Node that are started from here: those that touch shares begin at a fifth of the cost.
  process.env['NODE_COMPILE_CACHE'] ??= compileCacheFolder(config);
  const agent = createAgent(config, { logger });
  const asked = new AbortController();
  const { promise: stopped, resolve } = Promise.withResolvers<unknown>();
  const stop = (reason: LeaveReason): void => {
    asked.abort();
    logger.info({ reason }, 'asked to stop');
    void agent.stop(reason).then(resolve);
  };
  onSignals(() => stop('shutdown'));
  try {
    await agent.start();
  } catch (error) {
    if (asked.signal.aborted) {
      await stopped;
      return 0;
    }
    logger.error({ err: error }, 'the agent cannot start');
    await agent.stop();
    return 1;
  }
  const endWatch = watchLeaveRequests(config.dataDir, stop);
  await stopped;
  endWatch();
  return 0;
}

async function leave(file: string, reason: LeaveReason): Promise<number> {
  const config = configOrExit(file);
  if (config === undefined) return 2;
  const outcome = await askToLeave(config.dataDir, reason);
  const words = {
    left: 'the agent has left',
    'none-runs': 'no agent runs here',
    'still-runs': 'the agent was asked, and still runs after a minute',
  };
  process.stdout.write(`${words[outcome]}\n`);
  return outcome === 'still-runs' ? 1 : 0;
}

function configOrExit(file: string): AgentConfig | undefined {
  try {
    return loadAgentConfig(file);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    process.stderr.write(`${file} is not a usable configuration:\n`);
    for (const problem of error.problems) process.stderr.write(`  ${problem}\n`);
    process.exitCode = 2;
    return undefined;
  }
}

/** The first signal asks for a clean end; a second one does not wait for it. */
function onSignals(stop: () => void): void {
  let asked = false;
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      if (asked) process.exit(130);
      asked = true;
      stop();
    });
  }
}

function rungOf(text: string): EncoderRungName {
  const rung = encoderLadder.find((one) => one.name === text);
  if (rung === undefined) throw new InvalidArgumentError('no such encoder');
  return rung.name;
}

function reasonOf(text: string): LeaveReason {
  const reason = leaveReasons.find((one) => one === text);
  if (reason === undefined) throw new InvalidArgumentError(`must be one of ${leaveReasons.join(', ')}`);
  return reason;
}

function threadsOf(text: string): number {
  const threads = Number(text);
  if (!Number.isInteger(threads) || threads < 1) throw new InvalidArgumentError('a whole number from 1');
  return threads;
}
