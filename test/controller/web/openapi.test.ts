import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { agentView } from '../../helpers/fake-farm.ts';
import { openWebApp, type WebApp, webJob, webJobId } from '../../helpers/web-app.ts';

interface Operation {
  readonly responses: Record<string, { content: { 'application/json': { schema: object } } }>;
}

test('The OpenAPI document has every route, and what they answer is what it says', async (t) => {
  const { app, call, farm } = await openWebApp();
  t.after(() => app.close());
  farm.agentViews = [agentView('pc1')];
  const { body } = await call('GET', '/api/openapi.json');
  const paths = body['paths'] as Record<string, Record<string, Operation>>;
  const documented = Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
  );
  assert.deepEqual(new Set(documented), new Set(routesOf(app)));
  const ajv = new Ajv2020({ strict: false });
  const names: Record<string, string> = { '{job_id}': webJobId, '{name}': 'gpu_queue', '{id}': 'pc1' };
  for (const [path, methods] of Object.entries(paths)) {
    const url = path.replace(/\{.*?\}/u, (name) => names[name] ?? name);
    for (const [method, { responses }] of Object.entries(methods)) {
      if (path.endsWith('/log')) {
        // What it answers is no JSON: log-routes.test.ts.
        assert.deepEqual(Object.keys(responses['200']?.content ?? {}), ['text/plain']);
        continue;
      }
      const payload = path.endsWith('priority')
        ? { priority: 'low' }
        : /\/(?:submit|verify)$/u.test(path)
          ? webJob
          : undefined;
      const reply = await call(method === 'get' ? 'GET' : 'POST', url, payload);
      assert.equal(reply.status, 200, `${method} ${url}`);
      const check = ajv.compile(responses['200']?.content['application/json'].schema ?? false);
      assert.ok(check(reply.body), `${method} ${url}: ${ajv.errorsText(check.errors)}`);
    }
  }
});

/** As fastify itself lists them: `POST /api/queues/{name}/pause`. */
function routesOf(app: WebApp): readonly string[] {
  const stack: string[] = [];
  return app
    .printRoutes({ commonPrefix: false })
    .split('\n')
    .flatMap((line) => {
      const [, indent = '', part = '', methods = ''] =
        /^([\s│]*)[├└]── (\S+)(?: \((.*)\))?$/u.exec(line) ?? [];
      if (part === '') return [];
      const depth = indent.length / 4;
      stack.length = depth;
      stack.push(part);
      const path = stack.join('').replace(/:(\w+)/gu, '{$1}');
      return methods
        .split(', ')
        .filter((method) => ['GET', 'POST'].includes(method))
        .map((method) => `${method} ${path}`);
    })
    .filter((route) => !['GET /api/openapi.json', 'GET /metrics'].includes(route));
}
