import { webApp } from '../../controller/web/server.ts';
import { FakeFarm, noLogs } from './fake-farm.ts';
import { storedRows } from './stored-rows.ts';

export const webJobId = '0b7c2f0e-6f2b-4b5e-9d5e-3f6f1d2c4a10';
/** A job as the old web application sends it. */
export const webJob = {
  user_id: 'user-1',
  channel_name: 'Kids',
  enable_4k: false,
  items: [
    {
      position: 0,
      item_type: 'video',
      video_id: 'v1',
      path: null,
      title: 'One',
      duration: 4.5,
      text_animation_text: null,
      text_animation_words: ['so', 'it', 'is'],
      resolution: '1920x1080',
      is_4k: false,
      path_available: true,
      // What /verify adds, and nobody reads.
      file_size: 123,
    },
  ],
};

export type WebApp = Awaited<ReturnType<typeof webApp>>;

/** The routes over a farm that remembers, without a socket. */
export async function openWebApp(access: Parameters<typeof webApp>[0]['access'] = { origins: [] }) {
  const farm = new FakeFarm();
  const logged: object[] = [];
  const note = (fields: object): void => void logged.push(fields);
  const logger = { info: note, warn: note, error: note };
  const app = await webApp({
    farm,
    logger,
    access,
    isInSourceShare: () => true,
    reads: noLogs,
    ...storedRows,
    nowMs: () => 1_000,
  });
  const call = async (method: 'GET' | 'POST', url: string, payload?: object | string, headers = {}) => {
    const host = { host: '127.0.0.1:8000', ...headers };
    const reply = await app.inject({ method, url, headers: host, ...(payload !== undefined && { payload }) });
    return { status: reply.statusCode, headers: reply.headers, body: reply.json<Record<string, unknown>>() };
  };
  return { farm, app, call, logged };
}
