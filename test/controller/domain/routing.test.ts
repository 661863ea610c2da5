import assert from 'node:assert/strict';
import test from 'node:test';
import { type RoutedJob, routeJob, routingPresets } from '../../../controller/domain/routing.ts';

type Item = RoutedJob['items'][number];

function job(options: {
  enable4k?: boolean;
  videos: number;
  others?: readonly Item[];
  text?: string;
}): RoutedJob {
  const videos = Array.from({ length: options.videos }, (): Item => ({ itemType: 'video' }));
  if (options.text !== undefined) videos[videos.length - 1] = { itemType: 'video', text: options.text };
  return { enable4k: options.enable4k ?? false, items: [...videos, ...(options.others ?? [])] };
}

const bySize = routingPresets['by-size'];
const byFeature = routingPresets['by-feature'];

for (const [videos, enable4k, queue] of [
  [20, true, 'default_queue'],
  [21, true, '4k_queue'],
  [40, false, 'default_queue'],
  [41, false, '4k_queue'],
  [21, false, 'default_queue'],
] as const) {
  test(`By size, ${videos} videos ${enable4k ? 'with' : 'without'} 4K go to ${queue}`, () => {
    assert.equal(routeJob(job({ videos, enable4k }), bySize).queue, queue);
  });
}

for (const [videos, queue] of [
  [50, 'default_queue'],
  [51, 'gpu_queue'],
] as const) {
  test(`By feature, ${videos} videos without text go to ${queue}`, () => {
    assert.equal(routeJob(job({ videos }), byFeature).queue, queue);
  });
}

test('By feature, 4K decides before text and number, and the rule is named', () => {
  assert.deepEqual(routeJob(job({ videos: 80, enable4k: true, text: 'Hi' }), byFeature), {
    queue: '4k_queue',
    rule: '4k',
  });
});

test('By feature, one video with text goes to the GPU queue', () => {
  assert.deepEqual(routeJob(job({ videos: 2, text: 'Hi' }), byFeature), { queue: 'gpu_queue', rule: 'text' });
});

test('By feature, a text of spaces is none', () => {
  assert.deepEqual(routeJob(job({ videos: 2, text: '  ' }), byFeature), {
    queue: 'default_queue',
    rule: 'default',
  });
});

test('Only video items are counted, and only their text', () => {
  const others: Item[] = Array.from({ length: 30 }, () => ({ itemType: 'image', text: 'not drawn' }));
  assert.equal(routeJob(job({ videos: 50, others }), byFeature).queue, 'default_queue');
  assert.equal(routeJob(job({ videos: 20, enable4k: true, others }), bySize).queue, 'default_queue');
});

test("A site's own rules are tried in order, and a rule without conditions always holds", () => {
  const table = {
    rules: [
      { name: 'silent and small', when: { anyText: false, videosMoreThan: 2 }, queue: 'a' },
      { name: 'rest', when: {}, queue: 'b' },
    ],
    defaultQueue: 'never',
  };
  assert.deepEqual(routeJob(job({ videos: 3 }), table), { queue: 'a', rule: 'silent and small' });
  assert.deepEqual(routeJob(job({ videos: 3, text: 'x' }), table), { queue: 'b', rule: 'rest' });
  assert.deepEqual(routeJob(job({ videos: 2 }), table), { queue: 'b', rule: 'rest' });
});
