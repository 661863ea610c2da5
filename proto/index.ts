/** The contract's one door: everything that the other rooms may use of proto/. Types of the protocol: agent-link.ts. */
export { agentIdKey } from './agent-id-key.ts';
export * from './agent-link.ts';
export * from './agent-stream.ts';
export { decodeAgentMessage, encodeAgentMessage } from './codec/agent-message.ts';
export { decodeControllerMessage, encodeControllerMessage } from './codec/controller-message.ts';
export { DecodeError, type DecodeErrorCode } from './codec/decode-error.ts';
export * from './codec/enums.ts';
export { fromFinished, fromUsage, toUsage } from './codec/finished.ts';
export { toInventory } from './codec/inventory.ts';
export { fromLoudness, fromOptions, toLoudness, toOptions } from './codec/options.ts';
export * from './codec/time.ts';
export type { Decoded } from './codec/unknown-message.ts';
export { fromFence, fromProblem, toProblem } from './codec/work.ts';
export * from './controller-stream.ts';
export * from './file-link.ts';
export { Any } from './gen/google/protobuf/any.ts';
export type { Duration } from './gen/google/protobuf/duration.ts';
export { BadRequest, ErrorInfo, ResourceInfo, RetryInfo } from './gen/google/rpc/error_details.ts';
export { Status } from './gen/google/rpc/status.ts';
export * as agentWire from './gen/renderfarm/v1/agent.ts';
export {
  AgentServiceClient,
  AgentServiceService,
  LogServiceClient,
  type LogServiceServer,
  LogServiceService,
} from './gen/renderfarm/v1/agent.ts';
export * as farmWire from './gen/renderfarm/v1/farm.ts';
export { FarmServiceClient, type FarmServiceServer, FarmServiceService } from './gen/renderfarm/v1/farm.ts';
export * as jobWire from './gen/renderfarm/v1/job.ts';
export { JobServiceClient, type JobServiceServer, JobServiceService } from './gen/renderfarm/v1/job.ts';
export { Inbox } from './inbox.ts';
export * from './item-link.ts';
export { LinkError, type LinkErrorCode } from './link-error.ts';
export { type LinkLimits, linkLimits } from './link-limits.ts';
export { logBytesMax } from './log-limits.ts';
export * from './render-options.ts';
export { resetStream } from './reset-stream.ts';
export { shadowReason } from './shadow.ts';
export { type LinkEnd, type LinkOptions, StreamLink } from './stream.ts';
