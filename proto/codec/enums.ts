import * as agent from '../gen/renderfarm/v1/agent.ts';
import * as farm from '../gen/renderfarm/v1/farm.ts';
import * as job from '../gen/renderfarm/v1/job.ts';
import { enumTable } from './enum-table.ts';

/** Every proto enum under the names that the rest of the code uses. */
export const itemTypes = enumTable<job.ItemType>()({
  intro: job.ItemType.INTRO,
  video: job.ItemType.VIDEO,
  transition: job.ItemType.TRANSITION,
  outro: job.ItemType.OUTRO,
  image: job.ItemType.IMAGE,
});

export const priorityClasses = enumTable<job.PriorityClass>()({
  low: job.PriorityClass.LOW,
  normal: job.PriorityClass.NORMAL,
  high: job.PriorityClass.HIGH,
  urgent: job.PriorityClass.URGENT,
});

export const jobStateNames = enumTable<job.JobState>()({
  held: job.JobState.HELD,
  waiting: job.JobState.WAITING,
  delayed: job.JobState.DELAYED,
  assigned: job.JobState.ASSIGNED,
  preparing: job.JobState.PREPARING,
  running: job.JobState.RUNNING,
  finishing: job.JobState.FINISHING,
  ready: job.JobState.READY,
  publishing: job.JobState.PUBLISHING,
  published: job.JobState.PUBLISHED,
  failed: job.JobState.FAILED,
  quarantined: job.JobState.QUARANTINED,
  cancelled: job.JobState.CANCELLED,
});

export const jobStatusNames = enumTable<job.JobStatus>()({
  queued: job.JobStatus.QUEUED,
  processing: job.JobStatus.PROCESSING,
  completed: job.JobStatus.COMPLETED,
  failed: job.JobStatus.FAILED,
  cancelled: job.JobStatus.CANCELLED,
});

export const attemptStateNames = enumTable<job.AttemptState>()({
  assigned: job.AttemptState.ASSIGNED,
  preparing: job.AttemptState.PREPARING,
  running: job.AttemptState.RUNNING,
  finishing: job.AttemptState.FINISHING,
  ready: job.AttemptState.READY,
  publishing: job.AttemptState.PUBLISHING,
  ended: job.AttemptState.ENDED,
});

export const outcomes = enumTable<job.Outcome>()({
  published: job.Outcome.PUBLISHED,
  failed: job.Outcome.FAILED,
  'timed-out': job.Outcome.TIMED_OUT,
  lost: job.Outcome.LOST,
  cancelled: job.Outcome.CANCELLED,
  superseded: job.Outcome.SUPERSEDED,
  evicted: job.Outcome.EVICTED,
  returned: job.Outcome.RETURNED,
  declined: job.Outcome.DECLINED,
});

export const failureClasses = enumTable<job.FailureClass>()({
  input: job.FailureClass.INPUT,
  job: job.FailureClass.JOB,
  environment: job.FailureClass.ENVIRONMENT,
});

export const livenessNames = enumTable<farm.AgentLiveness>()({
  attached: farm.AgentLiveness.ATTACHED,
  suspect: farm.AgentLiveness.SUSPECT,
  detached: farm.AgentLiveness.DETACHED,
});

export const controllerRoles = enumTable<farm.ControllerRole>()({
  standby: farm.ControllerRole.STANDBY,
  leading: farm.ControllerRole.LEADING,
  lost: farm.ControllerRole.LOST,
});

export const heldStates = enumTable<agent.HeldState>()({
  preparing: agent.HeldState.PREPARING,
  running: agent.HeldState.RUNNING,
  finishing: agent.HeldState.FINISHING,
  ready: agent.HeldState.READY,
  publishing: agent.HeldState.PUBLISHING,
  finished: agent.HeldState.FINISHED,
});

export const frameSizes = enumTable<agent.FrameSize>()({
  '1080p': agent.FrameSize.FRAME_SIZE_1080P,
  '2160p': agent.FrameSize.FRAME_SIZE_2160P,
});

export const prefetchStates = enumTable<agent.PrefetchState>()({
  fetching: agent.PrefetchState.FETCHING,
  done: agent.PrefetchState.DONE,
  failed: agent.PrefetchState.FAILED,
  withdrawn: agent.PrefetchState.WITHDRAWN,
});

export const fileStates = enumTable<agent.FileState>()({
  readable: agent.FileState.READABLE,
  missing: agent.FileState.MISSING,
  denied: agent.FileState.DENIED,
  unusable: agent.FileState.UNUSABLE,
  unreachable: agent.FileState.UNREACHABLE,
  'not-looked': agent.FileState.NOT_LOOKED,
});

export const finishPublishResults = enumTable<agent.FinishPublishResult>()({
  published: agent.FinishPublishResult.PUBLISHED,
  absent: agent.FinishPublishResult.ABSENT,
  mismatch: agent.FinishPublishResult.MISMATCH,
  unreachable: agent.FinishPublishResult.UNREACHABLE,
});

export const annulPublishResults = enumTable<agent.AnnulPublishResult>()({
  annulled: agent.AnnulPublishResult.ANNULLED,
  published: agent.AnnulPublishResult.PUBLISHED,
  mismatch: agent.AnnulPublishResult.MISMATCH,
  unreachable: agent.AnnulPublishResult.UNREACHABLE,
});

export const agentModes = enumTable<agent.AgentMode>()({
  active: agent.AgentMode.ACTIVE,
  cordoned: agent.AgentMode.CORDONED,
  draining: agent.AgentMode.DRAINING,
  evict: agent.AgentMode.EVICT,
});

export const agentGoodbyeReasons = enumTable<agent.AgentGoodbyeReason>()({
  shutdown: agent.AgentGoodbyeReason.SHUTDOWN,
  upgrade: agent.AgentGoodbyeReason.UPGRADE,
  sleep: agent.AgentGoodbyeReason.SLEEP,
});

export const controllerGoodbyeReasons = enumTable<agent.ControllerGoodbyeReason>()({
  restart: agent.ControllerGoodbyeReason.RESTART,
  superseded: agent.ControllerGoodbyeReason.SUPERSEDED,
  redirect: agent.ControllerGoodbyeReason.REDIRECT,
  refused: agent.ControllerGoodbyeReason.REFUSED,
});

export const rateProfiles = enumTable<agent.RateProfile>()({
  studio: agent.RateProfile.STUDIO,
  quality: agent.RateProfile.QUALITY,
});

/** The same, as a job asks for it. */
export const rateChoices = enumTable<job.RateChoice>()({
  studio: job.RateChoice.STUDIO,
  quality: job.RateChoice.QUALITY,
});

export const itemResults = enumTable<agent.ItemResult>()({
  done: agent.ItemResult.DONE,
  declined: agent.ItemResult.DECLINED,
  failed: agent.ItemResult.FAILED,
  stopped: agent.ItemResult.STOPPED,
});

export const reclaimReasons = enumTable<agent.ReclaimReason>()({
  'own-turn': agent.ReclaimReason.OWN_TURN,
  'not-in-cache': agent.ReclaimReason.NOT_IN_CACHE,
});

export const cancelModes = enumTable<agent.CancelMode>()({
  graceful: agent.CancelMode.GRACEFUL,
  kill: agent.CancelMode.KILL,
});

export const logFiles = enumTable<agent.LogFile>()({
  'job.log': agent.LogFile.JOB_LOG,
  'ffmpeg_cmd.txt': agent.LogFile.FFMPEG_COMMAND,
  'ffmpeg_stderr.txt': agent.LogFile.FFMPEG_STDERR,
});

/** The same, as readers ask for them. */
export const jobLogFiles = enumTable<job.JobLogFile>()({
  'job.log': job.JobLogFile.JOB_LOG,
  'ffmpeg_cmd.txt': job.JobLogFile.FFMPEG_COMMAND,
  'ffmpeg_stderr.txt': job.JobLogFile.FFMPEG_STDERR,
});

export const shadowVerdicts = enumTable<farm.ShadowVerdict>()({
  open: farm.ShadowVerdict.OPEN,
  same: farm.ShadowVerdict.SAME,
  'length-differs': farm.ShadowVerdict.LENGTH_DIFFERS,
  'only-ours-failed': farm.ShadowVerdict.ONLY_OURS_FAILED,
  'only-old-failed': farm.ShadowVerdict.ONLY_OLD_FAILED,
  'both-failed': farm.ShadowVerdict.BOTH_FAILED,
  'old-unknown': farm.ShadowVerdict.OLD_UNKNOWN,
});
