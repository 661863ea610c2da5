import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { buildFarm } from './farm.ts';
import { chaosTimeScale } from './farm-layout.ts';
import { startFarm, stopFarm } from './farm-life.ts';
import { createFaultRunner } from './fault-runner.ts';
import { readHistory } from './history.ts';
import { checkHistory, type Verdict } from './history-check.ts';
import { historyFiles } from './history-lines.ts';
import { createJobStream, type JobStream } from './job-stream.ts';
import { Moments } from './moments.ts';
import { mountOwnDisks } from './mounts.ts';
import type { ChaosOptions } from './options.ts';
import { seededRandom } from './random.ts';
import { openRecorder, type Recorder } from './recorder.ts';
import { comeToRest } from './rest.ts';
import { everyMoment, planFaults } from './schedule.ts';
import { ShareWatch } from './share-watch.ts';
import { watchCommits } from './watch-commits.ts';

export interface ChaosResult {
  readonly passed: boolean;
  /** Whether every job ended when everything was in order again. */
  readonly atRest: boolean;
  readonly minutes: number;
  readonly faults: number;
  /** The folder of the kept history. */
  readonly history: string;
  readonly verdict: Verdict;
}

export interface ChaosHooks {
  /** Ends the faults early; the farm still comes to rest and is judged. */
  readonly signal: AbortSignal;
  readonly say: (line: string) => void;
}

/** One run, from an empty folder to the verdict. Leaves no process and no mount behind, whatever happens. */
export async function runChaos(options: ChaosOptions, hooks: ChaosHooks): Promise<ChaosResult> {
  const startedAt = performance.now();
  const { say } = hooks;
  const name = `${options.store}-${options.seed}-${Date.now()}`;
  const history = resolve(options.folder ?? join('out', 'chaos', name));
  mkdirSync(history, { recursive: true });
  writeFileSync(join(history, 'options.json'), JSON.stringify({ ...options, timeScale: chaosTimeScale }));
  say(
    `seed ${options.seed}, ${options.store}, every time limit times ${chaosTimeScale}; history in ${history}`,
  );
  const recorder = openRecorder(history, () => Math.round(performance.now() - startedAt));
  let lived: Lived;
  try {
    lived = await live(options, hooks, recorder);
  } finally {
    recorder.close();
  }
  const verdict = checkHistory(readHistory(history));
  const passed = lived.atRest && verdict.violations.length === 0;
  writeFileSync(
    join(history, historyFiles.verdict),
    JSON.stringify({ passed, ...lived, ...verdict }, undefined, 1),
  );
  for (const { rule, jobId, detail } of verdict.violations) say(`VIOLATION ${rule}: ${jobId}: ${detail}`);
  if (!lived.atRest) say('the farm did not come to rest');
  const minutes = Math.round(((performance.now() - startedAt) / 60_000) * 100) / 100;
  return { ...lived, passed, minutes, history, verdict };
}

type Lived = Pick<ChaosResult, 'atRest' | 'faults'>;

/** The farm's life: built, started, broken, put in order, come to rest, stopped. */
async function live(options: ChaosOptions, { signal, say }: ChaosHooks, recorder: Recorder): Promise<Lived> {
  const moments = new Moments();
  const broken = new AbortController();
  const farm = await buildFarm(options, recorder, moments, () => broken.abort());
  const mounted = mountOwnDisks([
    ...farm.agents.slice(0, 1).map(({ dataDir }) => dataDir),
    ...(options.store === 'sqlite' ? [farm.layout.controllerData] : []),
  ]);
  if (mounted.refused !== undefined) say(`no disk will be full: ${mounted.refused}`);
  const share = new ShareWatch(farm.layout.results, recorder, moments);
  const stopCommits = watchCommits(farm, moments);
  const jobs = createJobStream({
    ...{ farm, random: seededRandom(options.seed + 1), recorder, moments },
    openMax: options.agents * (options.fakeRenderer ? 3 : 2),
  });
  const over = new AbortController();
  const minutesOver = AbortSignal.timeout(options.minutes * 60_000);
  const working = AbortSignal.any([signal, broken.signal, minutesOver, over.signal]);
  const faults = createFaultRunner(
    { farm, moments, mounted, keep: farm.layout.keep, signal: working },
    recorder,
  );
  try {
    share.start();
    await startFarm(farm);
    const submitting = jobs.run(working);
    const random = seededRandom(options.seed);
    await faults.run(options.everyMoment ? everyMoment(options) : planFaults(random, options));
    over.abort();
    await submitting;
    say(`${faults.happened()} faults, ${jobs.acknowledged()} jobs; everything is in order again`);
    const atRest = await comeToRest(farm, jobs, recorder, broken.signal);
    await askAll(jobs, say);
    return { atRest, faults: faults.happened() };
  } finally {
    jobs.close();
    stopCommits();
    await stopFarm(farm);
    share.stop();
    mounted.unmountAll();
  }
}

/** A farm that cannot be asked any more is judged by what it said before. */
async function askAll(jobs: JobStream, say: (line: string) => void): Promise<void> {
  try {
    await jobs.askAll();
  } catch (error) {
    say(`the farm did not answer at the end: ${String(error)}`);
  }
}
