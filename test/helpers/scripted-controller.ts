import type { ServerDuplexStream, ServerReadableStream, ServerUnaryCall, sendUnaryData } from '@grpc/grpc-js';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import type {
  AgentMessage,
  ControllerMessage,
  ControllerSideLink,
  Hello,
  JobRef,
} from '../../proto/index.ts';
import { acceptAgent, agentServiceBytes, agentWire, LogServiceService } from '../../proto/index.ts';
import { welcome } from './agent-core.ts';
import { Arrivals } from './arrivals.ts';

type WelcomeChanges = Parameters<typeof welcome>[0];

/** One agent's stream, as the script sees it. */
export class ScriptedSession {
  readonly #link: ControllerSideLink;
  readonly #heard: AgentMessage[] = [];
  readonly #waiting: { wants: (message: AgentMessage) => boolean; give: (message: AgentMessage) => void }[] =
    [];
  readonly ended: Promise<void>;
  readonly authorization: string;
  #ackEvents = false;
  #ackHeartbeats = true;

  constructor(link: ControllerSideLink, authorization: string) {
    this.#link = link;
    this.authorization = authorization;
    this.ended = this.#read();
  }

  send(message: ControllerMessage): void {
    this.#link.send(message);
  }

  close(error?: Error): void {
    this.#link.close(error);
  }

  /** The first message that was or will be heard and matches; each message is given once. */
  next(wants: (message: AgentMessage) => boolean): Promise<AgentMessage> {
    const index = this.#heard.findIndex(wants);
    const [found] = index < 0 ? [] : this.#heard.splice(index, 1);
    if (found !== undefined) return Promise.resolve(found);
    return new Promise((give) => this.#waiting.push({ wants, give }));
  }

  async nextOf<K extends AgentMessage['kind']>(kind: K): Promise<Extract<AgentMessage, { kind: K }>> {
    return (await this.next((message) => message.kind === kind)) as Extract<AgentMessage, { kind: K }>;
  }

  async event(type: string) {
    const message = await this.next((one) => one.kind === 'event' && one.event.type === type);
    if (message.kind !== 'event') throw new Error('not an event');
    return message;
  }

  async hello(): Promise<Hello> {
    return await this.nextOf('hello');
  }

  /** Takes the agent in: Hello, then Welcome. Events and heartbeats are answered from then on, if so wished. */
  async admit(
    changes: WelcomeChanges | ((hello: Hello) => WelcomeChanges) = {},
    answers: { events?: boolean; heartbeats?: boolean } = {},
  ): Promise<Hello> {
    const hello = await this.hello();
    this.#ackEvents = answers.events ?? true;
    this.#ackHeartbeats = answers.heartbeats ?? true;
    this.send(welcome(typeof changes === 'function' ? changes(hello) : changes));
    return hello;
  }

  heard(): readonly AgentMessage[] {
    return this.#heard;
  }

  async #read(): Promise<void> {
    try {
      for await (const message of this.#link.received) this.#take(message);
    } catch {
      // A broken stream: the script sees it as ended.
    }
  }

  #take(message: AgentMessage): void {
    if (message.kind === 'event' && this.#ackEvents) this.send({ kind: 'event-ack', number: message.number });
    if (message.kind === 'heartbeat' && this.#ackHeartbeats) {
      this.send({ kind: 'heartbeat-ack', sequence: message.sequence, term: 1 });
    }
    const index = this.#waiting.findIndex(({ wants }) => wants(message));
    const [waiter] = index < 0 ? [] : this.#waiting.splice(index, 1);
    if (waiter === undefined) this.#heard.push(message);
    else waiter.give(message);
  }
}

/** A controller that does what a test tells it, on a real socket. */
export interface ScriptedController {
  readonly address: string;
  readonly port: number;
  session(): Promise<ScriptedSession>;
  /** The log files that arrived whole, by `<job>/<file name of the enum>`. */
  readonly logs: ReadonlyMap<string, Buffer>;
  /** What each upload said that it is of, in order. */
  readonly logRefs: readonly JobRef[];
  /** Resolves when this log has this many bytes. */
  log(key: string): Promise<Buffer>;
  stop(): void;
}

export async function startScriptedController(
  options: { port?: number; credentials?: ServerCredentials } = {},
): Promise<ScriptedController> {
  const sessions = new Arrivals<ScriptedSession>();
  const logs = new Map<string, Buffer>();
  const logRefs: JobRef[] = [];
  const logArrivals = new Map<string, PromiseWithResolvers<Buffer>>();
  const arrival = (key: string) => {
    const known = logArrivals.get(key) ?? Promise.withResolvers<Buffer>();
    logArrivals.set(key, known);
    return known;
  };
  const server = new Server({ 'grpc.max_receive_message_length': 1024 * 1024 });
  server.addService(agentServiceBytes, {
    attach(call: ServerDuplexStream<Buffer, Buffer>) {
      const authorization = String(call.metadata.get('authorization')[0] ?? '');
      sessions.add(new ScriptedSession(acceptAgent(call), authorization));
    },
  });
  server.addService(LogServiceService, {
    getLogOffset(
      call: ServerUnaryCall<agentWire.GetLogOffsetRequest, agentWire.GetLogOffsetResponse>,
      reply: sendUnaryData<agentWire.GetLogOffsetResponse>,
    ) {
      reply(null, { offsetBytes: logs.get(logKey(call.request.target))?.length ?? 0 });
    },
    uploadLog(
      call: ServerReadableStream<agentWire.UploadLogRequest, agentWire.UploadLogResponse>,
      reply: sendUnaryData<agentWire.UploadLogResponse>,
    ) {
      let key = '';
      let isEnded = false;
      call.on('data', ({ part }: agentWire.UploadLogRequest) => {
        if (part?.$case === 'target') {
          key = logKey(part.value);
          const { jobId, fence } = part.value;
          logRefs.push({ jobId, fence: { term: fence?.term ?? 0, counter: fence?.counter ?? 0 } });
        } else if (part?.$case === 'end') {
          isEnded = true;
        } else if (part !== undefined) {
          const before = logs.get(key) ?? Buffer.alloc(0);
          logs.set(key, Buffer.concat([before.subarray(0, part.value.offsetBytes), part.value.data]));
        }
      });
      call.on('end', () => {
        const whole = logs.get(key) ?? Buffer.alloc(0);
        reply(null, { sizeBytes: whole.length });
        if (isEnded) arrival(key).resolve(whole);
      });
    },
  });
  const port = await new Promise<number>((resolve, reject) => {
    const address = `127.0.0.1:${options.port ?? 0}`;
    server.bindAsync(address, options.credentials ?? ServerCredentials.createInsecure(), (error, bound) => {
      if (error === null) resolve(bound);
      else reject(error);
    });
  });
  return {
    address: `127.0.0.1:${port}`,
    port,
    session: () => sessions.next(),
    logs,
    logRefs,
    log: (key) => arrival(key).promise,
    stop: () => server.forceShutdown(),
  };
}

function logKey(target: agentWire.LogTarget | undefined): string {
  const names: Record<number, string> = {
    [agentWire.LogFile.JOB_LOG]: 'job.log',
    [agentWire.LogFile.FFMPEG_COMMAND]: 'ffmpeg_cmd.txt',
    [agentWire.LogFile.FFMPEG_STDERR]: 'ffmpeg_stderr.txt',
  };
  return `${target?.jobId ?? ''}/${names[target?.file ?? 0] ?? 'unknown'}`;
}
