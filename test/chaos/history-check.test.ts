import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { JournalRecord } from '../../agent/core/journal-records.ts';
import type { History } from '../../chaos/history.ts';
import { checkHistory, type RuleName } from '../../chaos/history-check.ts';
import type { SightingLine, ToldLine } from '../../chaos/history-lines.ts';
import type { JobState } from '../../client/views.ts';
import type { JobRef } from '../../proto/agent-link.ts';
import { assignment, failed, manifest } from '../helpers/agent-core.ts';

const jobA = '11111111-1111-4111-8111-111111111111';
const jobB = '22222222-2222-4222-8222-222222222222';
const ref = (jobId: string, counter: number): JobRef => ({ jobId, fence: { term: 7, counter } });
const attempt = ({ jobId, fence }: JobRef): string => `${jobId}-${fence.term}.${fence.counter}`;
const nameOf = (jobId: string): string => `Chaos_${jobId}.mp4`;
const sizeBytes = 1_000;

/** What a client is told of a job that goes the ordinary way. */
function told(jobId: string, ...ends: readonly (JobState | 'unknown')[]): readonly ToldLine[] {
  const [first, ...rest] = ends;
  const state = first === undefined || first === 'unknown' ? [] : [first];
  return [
    { atMs: 1, what: 'submitting', jobId, expect: 'publishable' },
    { atMs: 2, what: 'acknowledged', jobId },
    ...state.map((each): ToldLine => ({ atMs: 9, what: 'ended', jobId, state: each })),
    ...(first === 'unknown' ? ([first] as const) : rest).map(
      (each): ToldLine => ({ atMs: 10, what: 'at-rest', jobId, state: each }),
    ),
  ];
}

/** What the agent of a published attempt writes. */
function published(of: JobRef): readonly JournalRecord[] {
  return [
    { kind: 'accepted', assign: assignment(of) },
    {
      kind: 'staged',
      ref: of,
      manifest: { ...manifest, fileName: nameOf(of.jobId), sizeBytes },
      usage: failed.usage,
    },
    { kind: 'granted', ref: of, finalName: nameOf(of.jobId) },
    { kind: 'ended', ref: of, finished: { ...failed, outcome: 'published' }, eventNumber: 4 },
  ];
}

const result = (of: JobRef, name = nameOf(of.jobId)): History['results'][number] => ({
  ...{ name, jobId: of.jobId, sizeBytes, attempt: attempt(of) },
});
const sighting = (of: JobRef, inode: number): SightingLine => ({
  ...{ atMs: 8, name: nameOf(of.jobId), inode, attempt: attempt(of) },
});

/** Two jobs, both published as they should be. */
function goodHistory(changes: Partial<History> = {}): History {
  const [a, b] = [ref(jobA, 1), ref(jobB, 2)];
  return {
    told: [...told(jobA, 'published', 'published'), ...told(jobB, 'published', 'published')],
    journals: new Map([
      ['pc1', published(a)],
      ['pc2', published(b)],
    ]),
    sightings: [sighting(a, 100), sighting(b, 200)],
    results: [result(a), result(b)],
    strayed: [],
    finishRequests: 0,
    encoded: new Map([
      [attempt(a), 1_000],
      [attempt(ref(jobA, 0)), 500],
      [attempt(b), 500],
    ]),
    needed: new Map([
      [jobA, 1_000],
      [jobB, 500],
    ]),
    ...changes,
  };
}

function rulesBroken(changes: Partial<History>): readonly RuleName[] {
  return checkHistory(goodHistory(changes)).violations.map(({ rule }) => rule);
}

describe('The judge of a history', () => {
  it('finds nothing in a good one, and counts what it was told', () => {
    const verdict = checkHistory(goodHistory());
    assert.deepEqual(verdict.violations, []);
    assert.deepEqual([verdict.jobs, verdict.counts, verdict.lost], [2, { published: 2 }, 0]);
    assert.equal(verdict.usefulShare, 0.75);
  });

  it('finds a job that was acknowledged and is unknown', () => {
    const verdict = checkHistory(
      goodHistory({
        told: [...told(jobA, 'unknown'), ...told(jobB, 'published')],
        results: [result(ref(jobB, 2))],
      }),
    );
    assert.deepEqual(
      verdict.violations.map(({ rule, jobId }) => [rule, jobId]),
      [['job-lost', jobA]],
    );
    assert.equal(verdict.lost, 1);
  });

  it('finds a job that never ended', () => {
    const still: ToldLine = { atMs: 10, what: 'at-rest', jobId: jobA, state: 'waiting' };
    const changes = {
      told: [...told(jobA), still, ...told(jobB, 'published')],
      results: [result(ref(jobB, 2))],
    };
    assert.deepEqual(rulesBroken(changes), ['never-ended']);
    assert.equal(checkHistory(goodHistory(changes)).lost, 1);
  });

  it('asks nothing of a job whose submit was never acknowledged', () => {
    const asked: ToldLine = { atMs: 1, what: 'submitting', jobId: jobA, expect: 'publishable' };
    const changes = { told: [asked, ...told(jobB, 'published')], results: [result(ref(jobB, 2))] };
    assert.deepEqual(rulesBroken(changes), []);
  });

  it('finds a published job without its file', () => {
    assert.deepEqual(rulesBroken({ results: [result(ref(jobA, 1))] }), ['file-missing']);
  });

  it('finds a file that replaced another under its name', () => {
    const changes = { sightings: [sighting(ref(jobA, 1), 100), sighting(ref(jobA, 3), 101)] };
    assert.deepEqual(rulesBroken(changes), ['published-twice']);
    assert.equal(checkHistory(goodHistory(changes)).publishedTwice, 1);
  });

  it('finds a second file of a job under another name', () => {
    const a = ref(jobA, 1);
    const results = [result(a), result(a, `Other_${jobA}.mp4`), result(ref(jobB, 2))];
    assert.deepEqual(rulesBroken({ results }), ['published-twice']);
  });

  it('finds two attempts that both wrote down that they were published', () => {
    const again = published(ref(jobA, 3));
    const journals = new Map([
      ['pc1', published(ref(jobA, 1))],
      ['pc2', [...published(ref(jobB, 2)), ...again]],
    ]);
    assert.deepEqual(rulesBroken({ journals }), ['two-say-published']);
  });

  it('takes an adopted attempt, and a journal that was written anew, for what they are', () => {
    const [first, adopted] = [ref(jobA, 1), ref(jobA, 4)];
    const journals = new Map<string, readonly JournalRecord[]>([
      [
        'pc1',
        [
          { kind: 'accepted', assign: assignment(first) },
          { kind: 'adopted', ref: first, fence: adopted.fence },
          ...published(adopted).slice(1),
          { kind: 'tombstone', tombstone: { ref: adopted, outcome: 'published' }, atMs: 1 },
        ],
      ],
      ['pc2', [...published(ref(jobB, 2)), ...published(ref(jobB, 2))]],
    ]);
    assert.deepEqual(rulesBroken({ journals }), []);
  });

  for (const state of ['cancelled', 'failed', 'quarantined'] as const) {
    it(`finds a job that was told as ${state} and published after all`, () => {
      assert.deepEqual(rulesBroken({ told: [...told(jobA, state, state), ...told(jobB, 'published')] }), [
        'published-after-end',
      ]);
    });
  }

  it('finds a file that was published after a cancel and has been taken away again', () => {
    const changes = {
      told: [...told(jobA, 'cancelled', 'cancelled'), ...told(jobB, 'published')],
      results: [result(ref(jobB, 2))],
    };
    assert.deepEqual(rulesBroken(changes), ['published-after-end']);
  });

  it('finds an end that was told and then became another', () => {
    assert.deepEqual(
      rulesBroken({ told: [...told(jobA, 'failed', 'published'), ...told(jobB, 'published')] }),
      ['end-changed'],
    );
  });

  it('finds the content of another job, and content that says nothing', () => {
    const foreign = { ...result(ref(jobA, 1)), attempt: attempt(ref(jobB, 2)) };
    const silent = { ...result(ref(jobB, 2)), attempt: undefined };
    assert.deepEqual(rulesBroken({ results: [foreign, silent] }), ['foreign-content', 'foreign-content']);
  });

  it('finds a file that is not as long as what was staged', () => {
    const torn = { ...result(ref(jobA, 1)), sizeBytes: sizeBytes - 1 };
    assert.deepEqual(rulesBroken({ results: [torn, result(ref(jobB, 2))] }), ['torn-file']);
  });

  it('finds a file for which nobody had a grant, unless another agent was asked to finish it', () => {
    const journals = new Map([
      ['pc1', published(ref(jobA, 1)).slice(0, 2)],
      ['pc2', published(ref(jobB, 2))],
    ]);
    assert.deepEqual(rulesBroken({ journals }), ['published-without-grant']);
    assert.deepEqual(rulesBroken({ journals, finishRequests: 1 }), []);
  });

  it('finds a result in a folder that only stood in for the share', () => {
    assert.deepEqual(rulesBroken({ results: [result(ref(jobA, 1))], strayed: [nameOf(jobB)] }), [
      'file-missing',
      'published-elsewhere',
    ]);
  });

  it('finds a published job that has a file missing', () => {
    const [line, ...rest] = told(jobA, 'published', 'published');
    assert.equal(line?.what, 'submitting');
    const broken: ToldLine = { atMs: 1, what: 'submitting', jobId: jobA, expect: 'broken' };
    assert.deepEqual(rulesBroken({ told: [broken, ...rest, ...told(jobB, 'published')] }), [
      'broken-published',
    ]);
  });
});
