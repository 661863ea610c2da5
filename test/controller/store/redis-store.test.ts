import { after } from 'node:test';
import { startRedisServer } from '../../helpers/redis-server.ts';
import { runConformance } from './conformance.ts';
import { redisHarness } from './redis-harness.ts';

const server = await startRedisServer({ after });

runConformance('Redis', async (t) => await redisHarness(t, server));
