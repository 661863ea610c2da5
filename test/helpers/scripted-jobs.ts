import {
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  type ServerWritableStream,
  type ServiceError,
  type sendUnaryData,
} from '@grpc/grpc-js';
import { FarmServiceService, farmWire, JobServiceService, jobWire } from '../../proto/index.ts';
import { Arrivals } from './arrivals.ts';
import { rpcError } from './rpc-errors.ts';

/** What the server answers: a reply, an error, or a promise of one (which may never come). */
export interface JobsScript {
  readonly submitJob?: Answer<jobWire.SubmitJobRequest, jobWire.SubmitJobResponse>;
  readonly getJob?: Answer<jobWire.GetJobRequest, jobWire.GetJobResponse>;
  readonly listJobs?: Answer<jobWire.ListJobsRequest, jobWire.ListJobsResponse>;
  readonly cancelJob?: Answer<jobWire.CancelJobRequest, jobWire.CancelJobResponse>;
  readonly listAttempts?: Answer<jobWire.ListAttemptsRequest, jobWire.ListAttemptsResponse>;
  readonly explainJob?: Answer<jobWire.ExplainJobRequest, jobWire.ExplainJobResponse>;
  readonly retryJob?: Answer<jobWire.RetryJobRequest, jobWire.RetryJobResponse>;
  readonly holdJob?: Answer<jobWire.HoldJobRequest, jobWire.HoldJobResponse>;
  readonly releaseJob?: Answer<jobWire.ReleaseJobRequest, jobWire.ReleaseJobResponse>;
  readonly changeJobPriority?: Answer<jobWire.ChangeJobPriorityRequest, jobWire.ChangeJobPriorityResponse>;
  readonly followLog?: (
    call: ServerWritableStream<jobWire.FollowLogRequest, jobWire.FollowLogResponse>,
  ) => void;
  readonly cordonAgent?: Answer<farmWire.CordonAgentRequest, farmWire.CordonAgentResponse>;
  readonly uncordonAgent?: Answer<farmWire.UncordonAgentRequest, farmWire.UncordonAgentResponse>;
  readonly drainAgent?: Answer<farmWire.DrainAgentRequest, farmWire.DrainAgentResponse>;
  readonly evictAgent?: Answer<farmWire.EvictAgentRequest, farmWire.EvictAgentResponse>;
  readonly forgetAgent?: Answer<farmWire.ForgetAgentRequest, farmWire.ForgetAgentResponse>;
  readonly pauseQueue?: Answer<farmWire.PauseQueueRequest, farmWire.PauseQueueResponse>;
  readonly resumeQueue?: Answer<farmWire.ResumeQueueRequest, farmWire.ResumeQueueResponse>;
  readonly getPlan?: Answer<farmWire.GetPlanRequest, farmWire.GetPlanResponse>;
  readonly getFarmStatus?: Answer<farmWire.GetFarmStatusRequest, farmWire.GetFarmStatusResponse>;
  readonly annulPublication?: Answer<farmWire.AnnulPublicationRequest, farmWire.AnnulPublicationResponse>;
  readonly declareShareReplaced?: Answer<
    farmWire.DeclareShareReplacedRequest,
    farmWire.DeclareShareReplacedResponse
  >;
  readonly listAgents?: Answer<farmWire.ListAgentsRequest, farmWire.ListAgentsResponse>;
  readonly listQueues?: Answer<farmWire.ListQueuesRequest, farmWire.ListQueuesResponse>;
}

type Answer<Request, Reply> = (
  request: Request,
  token: string | undefined,
) => Reply | ServiceError | Promise<Reply | ServiceError>;

/** A watch that a client opened, for the test to write to. */
export interface OpenWatch {
  readonly request: jobWire.WatchJobsRequest;
  send(job: jobWire.Job, resumeToken: string, news?: readonly jobWire.TimelineEntry[]): void;
  end(): void;
  fail(error: ServiceError): void;
  /** Resolves when the client has left. */
  readonly left: Promise<unknown>;
}

/** A controller with lines to say: JobService and FarmService on a real socket. */
export interface ScriptedJobs extends AsyncDisposable {
  readonly address: string;
  readonly port: number;
  readonly watches: Arrivals<OpenWatch>;
  /** Dies: every connection breaks at once. */
  kill(): Promise<void>;
}

export async function startScriptedJobs(
  script: JobsScript = {},
  port = 0,
  credentials = ServerCredentials.createInsecure(),
  host = '127.0.0.1',
): Promise<ScriptedJobs> {
  const server = new Server();
  const watches = new Arrivals<OpenWatch>();
  server.addService(JobServiceService, {
    submitJob: unary(script.submitJob),
    getJob: unary(script.getJob),
    listJobs: unary(script.listJobs),
    cancelJob: unary(script.cancelJob),
    listAttempts: unary(script.listAttempts),
    explainJob: unary(script.explainJob),
    retryJob: unary(script.retryJob),
    holdJob: unary(script.holdJob),
    releaseJob: unary(script.releaseJob),
    changeJobPriority: unary(script.changeJobPriority),
    followLog: (call: ServerWritableStream<jobWire.FollowLogRequest, jobWire.FollowLogResponse>) => {
      if (script.followLog === undefined) call.emit('error', rpcError('UNIMPLEMENTED', 'not in the script'));
      else script.followLog(call);
    },
    watchJobs: (call: ServerWritableStream<jobWire.WatchJobsRequest, jobWire.WatchJobsResponse>) =>
      watches.add(openWatch(call)),
  });
  server.addService(FarmServiceService, {
    listAgents: unary(script.listAgents),
    listQueues: unary(script.listQueues),
    cordonAgent: unary(script.cordonAgent),
    uncordonAgent: unary(script.uncordonAgent),
    drainAgent: unary(script.drainAgent),
    evictAgent: unary(script.evictAgent),
    forgetAgent: unary(script.forgetAgent),
    pauseQueue: unary(script.pauseQueue),
    resumeQueue: unary(script.resumeQueue),
    getPlan: unary(script.getPlan),
    getFarmStatus: unary(script.getFarmStatus),
    annulPublication: unary(script.annulPublication),
    declareShareReplaced: unary(script.declareShareReplaced),
    watchAgents: (call: ServerWritableStream<farmWire.WatchAgentsRequest, farmWire.WatchAgentsResponse>) =>
      call.emit('error', rpcError('UNIMPLEMENTED', 'not in the script')),
  });
  const bound = await bind(server, `${host}:${port}`, credentials);
  let isDead = false;
  const kill = async () => {
    if (isDead) return;
    isDead = true;
    const gone = Promise.withResolvers<undefined>();
    server.tryShutdown(() => gone.resolve(undefined));
    server.forceShutdown();
    await gone.promise;
  };
  return { address: `${host}:${bound}`, port: bound, watches, kill, [Symbol.asyncDispose]: kill };
}

function bind(server: Server, address: string, credentials: ServerCredentials): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  server.bindAsync(address, credentials, (error, port) => {
    if (error === null) resolve(port);
    else reject(error);
  });
  return promise;
}

function unary<Request, Reply>(answer: Answer<Request, Reply> | undefined) {
  return (call: ServerUnaryCall<Request, Reply>, callback: sendUnaryData<Reply>) => {
    const [token] = call.metadata.get('authorization');
    const reply = answer?.(call.request, token?.toString()) ?? rpcError('UNIMPLEMENTED', 'not in the script');
    void Promise.resolve(reply).then((said) => {
      if (said instanceof Error) callback(said);
      else callback(null, said);
    });
  };
}

function openWatch(
  call: ServerWritableStream<jobWire.WatchJobsRequest, jobWire.WatchJobsResponse>,
): OpenWatch {
  return {
    request: call.request,
    send: (job, resumeToken, news = []) => void call.write({ job, news, resumeToken }),
    end: () => call.end(),
    fail: (error) => void call.emit('error', error),
    left: new Promise((resolve) => call.once('cancelled', resolve)),
  };
}
