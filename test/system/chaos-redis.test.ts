import { test } from 'node:test';
import { killAtEveryMoment } from '../helpers/chaos-run.ts';

test('on Redis with a standby, nothing is lost and nothing is published twice, whatever is killed at whichever step', (t) =>
  killAtEveryMoment(t, { store: 'redis', controllers: 2 }));
