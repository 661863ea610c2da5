/** `1:02:03.4` of seconds: as players show it, with tenths. */
export function clockText(seconds: number): string {
  const tenths = Math.round(seconds * 10);
  const minutes = Math.floor(tenths / 600);
  const rest = ((tenths % 600) / 10).toFixed(1).padStart(4, '0');
  const hours = Math.floor(minutes / 60);
  return hours === 0 ? `${minutes}:${rest}` : `${hours}:${`${minutes % 60}`.padStart(2, '0')}:${rest}`;
}
