/**
 * What a type of Node has and ours has not. `never` lets our object be handed to a function that is
 * typed with Node's, and makes a use of the member an error.
 */
export type Absent<T, Present extends PropertyKey> = { readonly [K in Exclude<keyof T, Present>]: never };
