import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Program } from './child-process.ts';
import { buildFarm, type ChaosFarm } from './farm.ts';
import { chaosTimeScale } from './farm-layout.ts';
import { createFaultRunner } from './fault-runner.ts';
import { readHistory } from './history.ts';
import { checkHistory, type Verdict } from './history-check.ts';
import { historyFiles } from './history-lines.ts';
import { createJobStream } from './job-stream.ts';
import { pause } from './later.ts';
import { Moments } from './moments.ts';
import { mountSmall } from './mounts.ts';
import type { ChaosOptions } from './options.ts';
import { processesOf, signalQuietly } from './own-processes.ts';
import { seededRandom } from './random.ts';
import { openRecorder } from './recorder.ts';
import { comeToRest } from './rest.ts';
import { planFaults } from './schedule.ts';
import { ShareWatch } from './share-watch.ts';
import { watchCommits } from './watch-commits.ts';

export interface ChaosResult {
  readonly passed: boolean;
  /** What is printed: testing.md names the keys. */
  readonly line: Readonly<Record<string, unknown>>;
  readonly verdict: Verdict;
}

export interface ChaosHooks {
  /** Ends the faults early; the farm still comes to rest and is judged. */
  readonly signal: AbortSignal;
  readonly say: (line: string) => void;
}

const stopGraceMs = 8_000;

/** One run, from an empty folder to the verdict. Leaves no process and no mount behind, whatever happens. */
export async function runChaos(options: ChaosOptions, { signal, say }: ChaosHooks): Promise<ChaosResult> {
  const startedAt = performance.now();
  const history = resolve(options.folder ?? join('out', 'chaos', `${options.store}-${options.seed}-${Date.now()}`));
  mkdirSync(history, { recursive: true });
  writeFileSync(join(history, 'options.json'), JSON.stringify({ ...options, timeScale: chaosTimeScale }));
  say(`seed ${options.seed}, ${options.store}, every time limit times ${chaosTimeScale}; history in ${history}`);
  const recorder = openRecorder(history, () => Math.round(performance.now() - startedAt));
  const moments = new Moments();
  const random = seededRandom(options.seed);
  const broken = new AbortController();
  const farm = await buildFarm(options, recorder, moments, () => broken.abort());
  const mounted = mountSmall([
    ...farm.agents.slice(0, 1).map(({ dataDir }) => ({ path: dataDir, mib: 64 })),
    ...(options.store === 'sqlite' ? [{ path: farm.layout.controllerData, mib: 32 }] : []),
  ]);
  if (mounted.refused !== undefined) say(`no disk will be full: ${mounted.refused}`);
  const share = new ShareWatch(farm.layout.results, recorder, moments);
  const jobs = createJobStream({
    ...{ farm, random: seededRandom(options.seed + 1), recorder, moments },
    openMax: options.agents * 2 + 1,
  });
  const stopCommits = watchCommits(farm, moments);
  const working = AbortSignal.any([signal, broken.signal, AbortSignal.timeout(options.minutes * 60_000)]);
  const faults = createFaultRunner({ farm, moments, mounted, keep: farm.layout.keep, signal: working }, recorder);
  let atRest = false;
  try {
    share.start();
    await startAll(farm);
    const submitting = jobs.run(working);
    await faults.run(planFaults(random, options));
    say(`${faults.happened()} faults in ${Math.round((performance.now() - startedAt) / 1000)} s; coming to rest`);
    await submitting;
    atRest = await comeToRest(farm, jobs, recorder, broken.signal);
    await jobs.askAll();
  } catch (error) {
    recorder.fault({ fault: 'the run itself', what: error instanceof Error ? (error.stack ?? '') : String(error) });
    say(`the run has failed: ${String(error)}`);
    atRest = false;
  } finally {
    jobs.close();
    stopCommits();
    await stopAll(farm);
    for (const { tail } of farm.agents) {
      tail.read();
      tail.stop();
    }
    share.stop();
    await farm.closeNetwork();
    mounted.unmountAll();
    recorder.close();
  }
  const verdict = checkHistory(readHistory(history));
  const passed = atRest && verdict.violations.length === 0;
  writeFileSync(join(history, historyFiles.verdict), JSON.stringify({ passed, atRest, ...verdict }, undefined, 1));
  for (const { rule, jobId, detail } of verdict.violations) say(`VIOLATION ${rule}: ${jobId}: ${detail}`);
  if (!atRest) say('the farm did not come to rest');
  const minutes = Math.round(((performance.now() - startedAt) / 60_000) * 100) / 100;
  const { seed, store } = options;
  const { lost, publishedTwice, usefulShare, counts } = verdict;
  const line = {
    ...{ minutes, seed, jobs: verdict.jobs, faults: faults.happened(), lost, published_twice: publishedTwice },
    ...{ useful_share: usefulShare ?? null, history },
    ...{ store, renderer: options.fakeRenderer ? 'fake' : 'ffmpeg', time_scale: chaosTimeScale, ...counts },
    violations: verdict.violations.length,
  };
  return { passed, line, verdict };
}

async function startAll(farm: ChaosFarm): Promise<void> {
  farm.redis?.start();
  if (farm.redis !== undefined) await pause(300);
  for (const { program } of farm.controllers) program.start();
  for (const { program, tail } of farm.agents) {
    tail.follow();
    program.start();
  }
}

/** Agents first, so that what they give back still reaches a controller. */
async function stopAll(farm: ChaosFarm): Promise<void> {
  const stop = (programs: readonly Program[]): Promise<unknown> =>
    Promise.all(programs.map((program) => program.stop(stopGraceMs)));
  await stop(farm.agents.flatMap(({ program, clone }) => [program, clone]));
  await stop(farm.controllers.map(({ program }) => program));
  if (farm.redis !== undefined) await stop([farm.redis]);
  if (!existsSync('/proc')) return;
  for (const { pid } of processesOf(farm.run)) signalQuietly(pid, 'SIGKILL');
}
