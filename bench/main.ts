import process from 'node:process';
import { machine } from './machine.ts';

type Run = (args: readonly string[]) => Promise<Record<string, unknown>>;

/** Every benchmark; its module is loaded when it is asked for. */
const benches: Readonly<Record<string, () => Promise<{ readonly run: Run }>>> = {
  startup: () => import('./startup.ts'),
  assist: () => import('./assist.ts'),
  render: () => import('./render.ts'),
  copy: () => import('./copy.ts'),
  ahead: () => import('./ahead.ts'),
  dispatch: () => import('./dispatch.ts'),
  throughput: () => import('./throughput.ts'),
  agents: () => import('./agents.ts'),
  failover: () => import('./failover.ts'),
  recovery: () => import('./recovery.ts'),
  outage: () => import('./outage.ts'),
  schedule: () => import('./schedule/bench.ts'),
};

/** `npm run bench -- NAME [options]`: progress on stderr, one line of JSON as the last line of stdout. */
async function main(): Promise<number> {
  const [name = '', ...args] = process.argv.slice(2);
  const load = Object.hasOwn(benches, name) ? benches[name] : undefined;
  if (load === undefined) {
    const known = Object.keys(benches).join(', ');
    process.stderr.write(`${name === '' ? 'Name a benchmark' : `Unknown benchmark ${name}`}: ${known}\n`);
    return 2;
  }
  const { run } = await load();
  const figures = await run(args);
  process.stdout.write(`${JSON.stringify({ bench: name, machine: await machine(), runs: 1, ...figures })}\n`);
  return 0;
}

process.exitCode = await main();
