/** One series of a plot: a colour of its own, readable on light and on dark pages. */
export interface Series {
  readonly label: string;
  readonly colour: string;
}

/** A bar of a group: its height, and the smallest and largest value behind it. */
export interface Bar {
  readonly series: Series;
  readonly value: number;
  readonly min: number;
  readonly max: number;
}

export interface BarGroup {
  readonly label: string;
  readonly bars: readonly Bar[];
  /** Where it should stay below. */
  readonly target?: number;
}

export interface Line {
  readonly series: Series;
  /** Both axes as they are drawn. */
  readonly points: readonly (readonly [x: number, y: number])[];
}

const width = 860;
const height = 360;
const plotArea = { left: 56, top: 56, right: 16, bottom: 44 };
const innerWidth = width - plotArea.left - plotArea.right;
const innerHeight = height - plotArea.top - plotArea.bottom;

/** Bars side by side, with whiskers from the smallest to the largest value; the axis begins at `from`. */
export function barPlot(title: string, unit: string, from: number, groups: readonly BarGroup[]): string {
  const top = Math.max(...groups.flatMap(({ bars }) => bars.map(({ max }) => max)));
  const y = (value: number): number =>
    plotArea.top + innerHeight * (1 - Math.max(0, value - from) / (top - from));
  const groupWidth = innerWidth / groups.length;
  const drawn = groups.flatMap(({ label, bars, target }, groupIndex) => {
    const left = plotArea.left + groupIndex * groupWidth + groupWidth * 0.1;
    const barWidth = (groupWidth * 0.8) / bars.length;
    const targetLine =
      target === undefined
        ? []
        : [`<line class="target" ${line(left, y(target), left + groupWidth * 0.8, y(target))}/>`];
    return [
      ...bars.flatMap((bar, index) => drawBar(bar, left + index * barWidth, barWidth, y)),
      ...targetLine,
      text(left + groupWidth * 0.4, height - plotArea.bottom + 18, label, 'middle'),
    ];
  });
  const series = groups[0]?.bars.map((bar) => bar.series) ?? [];
  return frame(title, series, [...axisY(unit, from, top, y), ...drawn]);
}

/** Lines over a common x axis. */
export function linePlot(
  title: string,
  axes: { readonly x: string; readonly y: string },
  lines: readonly Line[],
  marksX: readonly (readonly [at: number, label: string])[],
): string {
  const points = lines.flatMap((each) => each.points);
  const [fromX, toX] = [Math.min(...points.map(([x]) => x)), Math.max(...points.map(([x]) => x))];
  const top = Math.max(...points.map(([, value]) => value));
  const x = (value: number): number => plotArea.left + (innerWidth * (value - fromX)) / (toX - fromX);
  const y = (value: number): number => plotArea.top + innerHeight * (1 - value / top);
  const drawn = lines.map(
    ({ series, points: own }) =>
      `<polyline class="curve" stroke="${series.colour}" points="${own.map(([px, py]) => `${round(x(px))},${round(y(py))}`).join(' ')}"/>`,
  );
  const marks = marksX.flatMap(([at, label]) => [
    `<line class="grid" ${line(x(at), plotArea.top, x(at), height - plotArea.bottom)}/>`,
    text(x(at), height - plotArea.bottom + 18, label, 'middle'),
  ]);
  const axisX = text(plotArea.left + innerWidth / 2, height - 8, axes.x, 'middle');
  return frame(
    title,
    lines.map(({ series }) => series),
    [...axisY(axes.y, 0, top, y), ...marks, ...drawn, axisX],
  );
}

function drawBar(
  { series, value, min, max }: Bar,
  left: number,
  barWidth: number,
  y: (value: number) => number,
): string[] {
  const middle = left + barWidth / 2;
  const bottom = height - plotArea.bottom;
  return [
    `<rect x="${round(left + 2)}" y="${round(y(value))}" width="${round(barWidth - 4)}" height="${round(bottom - y(value))}" fill="${series.colour}"/>`,
    `<line class="whisker" ${line(middle, y(min), middle, y(max))}/>`,
    text(middle, y(max) - 4, value.toFixed(2), 'middle', 'small'),
  ];
}

/** About five lines at round values. */
function axisY(unit: string, from: number, to: number, y: (value: number) => number): string[] {
  const rough = (to - from) / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5, 10].find((factor) => factor * power >= rough) ?? 10);
  const values = Array.from(
    { length: Math.floor((to - from) / step) + 1 },
    (_, index) => from + index * step,
  );
  return [
    ...values.flatMap((value) => [
      `<line class="grid" ${line(plotArea.left, y(value), width - plotArea.right, y(value))}/>`,
      text(plotArea.left - 8, y(value) + 4, String(Number(value.toFixed(3))), 'end'),
    ]),
    text(plotArea.left - 8, plotArea.top - 12, unit, 'start'),
  ];
}

/** Colours of text and lines follow the page: an image of a document is light or dark as its reader is. */
function frame(title: string, series: readonly Series[], content: readonly string[]): string {
  const legend = series.flatMap(({ label, colour }, index) => {
    const left = width - plotArea.right - (series.length - index) * 130;
    return [
      `<rect x="${left}" y="28" width="10" height="10" fill="${colour}"/>`,
      text(left + 16, 37, label, 'start'),
    ];
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" aria-label="${escaped(title)}">`,
    '<style>',
    'text { font: 12px system-ui, sans-serif; fill: #333; } .title { font-size: 15px; font-weight: 600; } .small { font-size: 10px; }',
    '.grid { stroke: #888; stroke-opacity: 0.3; } .whisker { stroke: #333; } .target { stroke: #d33; stroke-width: 2; stroke-dasharray: 5 3; } .curve { fill: none; stroke-width: 2; }',
    '@media (prefers-color-scheme: dark) { text { fill: #ddd; } .whisker { stroke: #ddd; } }',
    '</style>',
    text(plotArea.left - 40, 20, title, 'start', 'title'),
    ...legend,
    ...content,
    '</svg>',
    '',
  ].join('\n');
}

function text(x: number, y: number, content: string, anchor: 'start' | 'middle' | 'end', style = ''): string {
  const styled = style === '' ? '' : ` class="${style}"`;
  return `<text x="${round(x)}" y="${round(y)}" text-anchor="${anchor}"${styled}>${escaped(content)}</text>`;
}

function line(x1: number, y1: number, x2: number, y2: number): string {
  return `x1="${round(x1)}" y1="${round(y1)}" x2="${round(x2)}" y2="${round(y2)}"`;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function escaped(content: string): string {
  return content.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}
