/** The version of this package, as the controller's log shows it. */
export const clientVersion = '0.1.0';
