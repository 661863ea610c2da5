/** Limits of a job file: the controller checks the same and more (shares, catalogue, encoded size). */
export const jobFileLimits = {
  /** 2,000 items of 4 KiB fit. */
  fileCharactersMax: 8 * 1024 * 1024,
  itemsMax: 2_000,
  durationMinS: 0.1,
  durationMaxS: 3_600,
  /** Characters as people count them (grapheme clusters). */
  textGraphemesMax: 200,
  /** Names of users, channels, queues; video ids. */
  nameCharactersMax: 128,
  /** Longest path, title, id or word, in UTF-16 units. */
  textMax: 1_024,
  positionMax: 2_147_483_647,
  /** Agents or labels in one list of wishes. */
  wishesMax: 64,
} as const;
