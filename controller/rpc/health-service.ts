import {
  type handleServerStreamingCall,
  type handleUnaryCall,
  status,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import type { Farm } from '../engine/farm.ts';

interface HealthRequest {
  readonly service: string;
}

interface HealthResponse {
  readonly status: 'SERVING' | 'NOT_SERVING' | 'SERVICE_UNKNOWN';
}

/** More watchers than this are refused: load balancers are few. */
const watchersMax = 256;

/**
 * grpc.health.v1: SERVING while this controller leads and can commit. It asks for no token: load balancers and
 * supervisors have none, and it tells nothing else.
 */
export function healthService(
  farm: Farm,
  serviceNames: readonly string[],
  stopping: AbortSignal,
): UntypedServiceImplementation {
  const known = new Set(['', ...serviceNames]);
  let watchers = 0;
  const stateOf = (service: string): HealthResponse => {
    if (!known.has(service)) return { status: 'SERVICE_UNKNOWN' };
    return { status: farm.serving && !stopping.aborted ? 'SERVING' : 'NOT_SERVING' };
  };
  const check: handleUnaryCall<HealthRequest, HealthResponse> = ({ request }, callback) => {
    const { service } = request;
    if (known.has(service)) callback(null, stateOf(service));
    else callback({ code: status.NOT_FOUND, details: `No service ${service} here` });
  };
  const watch: handleServerStreamingCall<HealthRequest, HealthResponse> = (call) => {
    call.on('error', () => undefined);
    if (watchers >= watchersMax) {
      call.emit('error', { code: status.RESOURCE_EXHAUSTED, details: `Already ${watchers} watchers` });
      return;
    }
    watchers += 1;
    let last: HealthResponse['status'] | undefined;
    const tell = () => {
      const state = stateOf(call.request.service);
      // A reader that takes nothing is told the newest state when it does: changes are few, but not bounded.
      if (state.status === last || call.writableNeedDrain) return;
      last = state.status;
      call.write(state);
    };
    const stopListening = farm.onServing(tell);
    call.on('drain', tell);
    const end = () => {
      tell();
      call.end();
    };
    stopping.addEventListener('abort', end, { once: true });
    call.on('cancelled', () => {
      watchers -= 1;
      stopListening();
      stopping.removeEventListener('abort', end);
    });
    tell();
    if (stopping.aborted) end();
  };
  return { Check: check, Watch: watch };
}
