import { agentWire, farmWire, jobWire } from '../../proto/index.ts';

export const jobId = '11111111-1111-4111-8111-111111111111';
export const otherJobId = '22222222-2222-4222-8222-222222222222';

/** A job as a controller sends it. */
export function wireJob(change: Partial<jobWire.Job> = {}): jobWire.Job {
  return {
    ...jobWire.Job.fromPartial({
      jobId,
      userId: 'ana',
      channelName: 'Kids TV',
      queue: 'default_queue',
      priority: jobWire.PriorityClass.NORMAL,
      state: jobWire.JobState.WAITING,
      status: jobWire.JobStatus.QUEUED,
      submittedAt: new Date('2026-03-01T10:00:00Z'),
      itemCount: 3,
      videoCount: 1,
      routeRule: 'everything else',
    }),
    ...change,
  };
}

export function runningJob(percent: number, change: Partial<jobWire.Job> = {}): jobWire.Job {
  return wireJob({
    state: jobWire.JobState.RUNNING,
    status: jobWire.JobStatus.PROCESSING,
    progressPercent: percent,
    agentId: 'pc1',
    attemptCount: 1,
    ...change,
  });
}

export function publishedJob(change: Partial<jobWire.Job> = {}): jobWire.Job {
  return wireJob({
    state: jobWire.JobState.PUBLISHED,
    status: jobWire.JobStatus.COMPLETED,
    progressPercent: 100,
    agentId: 'pc1',
    attemptCount: 1,
    outputPath: '\\\\nas\\Share\\Output\\Kids TV.mp4',
    ...change,
  });
}

export function failedJob(change: Partial<jobWire.Job> = {}): jobWire.Job {
  return wireJob({
    state: jobWire.JobState.FAILED,
    status: jobWire.JobStatus.FAILED,
    errorMessage: 'Failed to copy 1 files: clip.mp4',
    problems: [{ position: 3, subject: 'clip.mp4', code: 'FILE_MISSING', message: 'is not there' }],
    attemptCount: 1,
    ...change,
  });
}

/** A PC whose renders were measured at Full HD, and test encodes only at 4K. */
export function wireAgent(changes: Partial<farmWire.Agent> = {}): farmWire.Agent {
  return {
    ...farmWire.Agent.create(),
    agentId: 'pc1',
    slots: 1,
    inventory: {
      ...agentWire.Inventory.create(),
      speeds: [
        { workClass: 'hd', speed: 3.21, runs: 7 },
        { workClass: '4k', speed: 0.044, runs: 0 },
      ],
    },
    forecastErrors: [{ workClass: 'hd', runs: 7, median: 1.08, p90: 1.62 }],
    roomBytes: 3 * 2 ** 30,
    ...changes,
  };
}
