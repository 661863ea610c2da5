import cors from '@fastify/cors';
import swagger from '@fastify/swagger';
import fastify, { type FastifyInstance } from 'fastify';
import {
  jsonSchemaTransform,
  serializerCompiler,
  validatorCompiler,
  type ZodTypeProvider,
} from 'fastify-type-provider-zod';
import { type Access, guard } from './access.ts';
import { limitItems } from './body-limits.ts';
import type { WebContext } from './context.ts';
import { agentRoutes, queueRoutes } from './farm-routes.ts';
import { historyRoutes } from './history-routes.ts';
import { errorHandler, webErrors } from './http-error.ts';
import { jobListRoutes, jobOrderRoutes, jobRoutes } from './job-routes.ts';
import { logRoutes } from './log-routes.ts';
import { statusRoutes } from './status-routes.ts';
import { storedRoutes } from './stored-routes.ts';
import { verifyRoutes } from './verify-routes.ts';

export interface WebServerOptions extends WebContext {
  /** `host:port` or `[host]:port`; port 0 takes a free one. The caller has made sure that they are safe. */
  readonly addresses: readonly string[];
  readonly access: Access;
  /** PEM texts. With `ca` every caller must bring a certificate that it signed (mTLS). */
  readonly tls?: { readonly cert: string; readonly key: string; readonly ca?: string };
  /** Requests that have not come whole, or are not answered, this long after the stop was asked for are cut: ms. */
  readonly stopMs: number;
}

export interface WebServer {
  /** The addresses with the ports that were taken, in the order asked for. */
  readonly addresses: readonly string[];
  /** Lets requests finish, then cuts what is left. Idempotent. */
  stop(): Promise<void>;
}

/** A job as JSON is larger than as a message of 768 KiB. */
const bodyBytesMax = 2 * 1024 * 1024;
/** A request that has not come whole by then is none: ms. */
const requestMs = 30_000;
const connectionsMax = 1_000;

/**
 * Serves the old HTTP API.
 * @throws what the system says of an address that cannot be taken; nothing listens then
 */
export async function startWebServer(options: WebServerOptions): Promise<WebServer> {
  const apps: FastifyInstance[] = [];
  const stop = async (): Promise<void> => {
    await Promise.all(apps.map((app) => close(app, options.stopMs)));
  };
  try {
    const addresses: string[] = [];
    for (const address of options.addresses) {
      const app = await webApp(options);
      apps.push(app);
      const [, host = '', port = ''] = /^\[?(.*?)\]?:(\d+)$/u.exec(address) ?? [];
      await app.listen({ host, port: Number(port) });
      addresses.push(address.replace(/\d+$/u, String(portOf(app))));
    }
    return { addresses, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** A server that is closed looks at no time limit of requests any more: one that never ends would be waited for. */
async function close(app: FastifyInstance, stopMs: number): Promise<void> {
  const timer = setTimeout(() => app.server.closeAllConnections(), stopMs);
  await app.close();
  clearTimeout(timer);
}

/** The routes without an address, for `inject`. */
export async function webApp({ access, tls, ...context }: Omit<WebServerOptions, 'addresses' | 'stopMs'>) {
  const limits = {
    bodyLimit: bodyBytesMax,
    requestTimeout: requestMs,
    connectionTimeout: 2 * requestMs,
    forceCloseConnections: 'idle' as const,
  };
  const app = fastify({
    ...limits,
    https: tls === undefined ? null : { ...tls, requestCert: tls.ca !== undefined },
  });
  app.server.maxConnections = connectionsMax;
  app.setErrorHandler(errorHandler(context.logger));
  app.setNotFoundHandler((request, reply) => {
    reply
      .code(404)
      .send({ detail: `${request.method} ${request.url.slice(0, 200)} is no route`, code: webErrors[404] });
  });
  // A browser sends plain text to anybody without asking first.
  app.removeContentTypeParser('text/plain');
  acceptEmptyJson(app);
  if (access.origins.length > 0) await app.register(cors, { origin: [...access.origins] });
  guard(app, access);
  limitItems(app);
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);
  await app.register(swagger, {
    openapi: {
      info: {
        title: 'Render farm',
        version: '1',
        description: 'The HTTP API of the old web application, and what was next on its list.',
      },
      ...(access.token !== undefined && {
        components: { securitySchemes: { token: { type: 'http', scheme: 'bearer' } } },
        security: [{ token: [] }],
      }),
    },
    transform: jsonSchemaTransform,
  });
  const typed = app.withTypeProvider<ZodTypeProvider>();
  for (const routes of [
    jobRoutes,
    jobListRoutes,
    historyRoutes,
    jobOrderRoutes,
    logRoutes,
    queueRoutes,
    agentRoutes,
    statusRoutes,
    storedRoutes,
    verifyRoutes,
  ])
    await typed.register(routes, { context });
  app.get('/api/openapi.json', { schema: { hide: true } }, () => app.swagger());
  await app.ready();
  return app;
}

/** Orders need no body: clients that say JSON and send nothing mean that. */
function acceptEmptyJson(app: FastifyInstance): void {
  const parse = app.getDefaultJsonParser('error', 'error');
  app.removeContentTypeParser('application/json');
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (request, body, done) => {
    if (body === '') done(null, null);
    else void parse(request, body as string, done);
  });
}

function portOf(app: FastifyInstance): number {
  const address = app.server.address();
  if (address === null || typeof address === 'string') throw new Error('a server that listens has a port');
  return address.port;
}
