import { type Logger, pino } from 'pino';
import { ConfigError, readConfig } from './config.ts';
import { usage } from './config-flags.ts';
import { startController } from './controller.ts';
import { RpcStartError } from './rpc/listen.ts';

/** Exit codes: 0 stopped when asked to, 1 failed, 2 the configuration cannot be used. */
const exit = { ok: 0, failed: 1, config: 2 } as const;

process.exitCode = await main();

async function main(): Promise<number> {
  const config = configOrProblem();
  if (typeof config === 'number') return config;
  const log = pino(
    { level: process.env['FARM_LOG_LEVEL'] ?? 'info', base: { pid: process.pid } },
    pino.destination(2),
  );
  const stop = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => stop.abort(signal));
  try {
    await run(config, log, stop.signal);
    return exit.ok;
  } catch (error) {
    if (stop.signal.aborted && error === stop.signal.reason) return exit.ok;
    if (error instanceof RpcStartError && error.code !== 'LISTEN_FAILED') {
      process.stderr.write(`${error.message}\n`);
      return exit.config;
    }
    log.fatal({ err: error }, 'the controller has failed');
    return exit.failed;
  }
}

async function run(
  config: Exclude<ReturnType<typeof configOrProblem>, number>,
  log: Logger,
  signal: AbortSignal,
): Promise<void> {
  const controller = await startController({ config, log, signal });
  // For whoever started us: the ports are known and everything answers.
  process.stdout.write(`renderfarm controller listens on ${controller.addresses.join(' ')}\n`);
  if (controller.webAddresses.length > 0)
    process.stdout.write(`renderfarm controller answers HTTP on ${controller.webAddresses.join(' ')}\n`);
  const asked = new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
  try {
    await Promise.race([asked, controller.failed]);
    log.info({}, 'stopping');
  } finally {
    await controller.stop();
  }
}

function configOrProblem(): Exclude<ReturnType<typeof readConfig>, 'help'> | number {
  try {
    const config = readConfig({ argv: process.argv.slice(2), env: process.env, folder: process.cwd() });
    if (config !== 'help') return config;
    process.stdout.write(usage);
    return exit.ok;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    process.stderr.write(`${error.message}\n`);
    return exit.config;
  }
}
