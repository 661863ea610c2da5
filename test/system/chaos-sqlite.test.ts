import { test } from 'node:test';
import { killAtEveryMoment } from '../helpers/chaos-run.ts';

test('on SQLite, nothing is lost and nothing is published twice, whatever is killed at whichever step', (t) =>
  killAtEveryMoment(t, { store: 'sqlite' }));
