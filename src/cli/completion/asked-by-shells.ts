/** The hidden command that gives the names which only a branch knows. */
export const ASKED_BY_SHELLS = "__complete";
