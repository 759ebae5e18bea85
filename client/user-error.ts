/** An error whose message is all that the user needs: what, where, and what to do. */
export class UserError extends Error {}
