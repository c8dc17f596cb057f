import { hasControl } from "../wire/text.js";
import { judge } from "./judge.js";
import { challenge, credentials, INVALID } from "./mechanism.js";
import type { Failure, Mechanism } from "./mechanism.js";

const NO_NAME: Failure = { type: "failure", code: 501, text: "Error: missing username" };

/** LOGIN (draft-murchison-sasl-login): the server asks for the name and then for the password. */
export const login: Mechanism = {
  name: "LOGIN",
  syntax: "Error: syntax: AUTH LOGIN",
  initialResponse: true,
  begin: () =>
    challenge("Username:", (username) => {
      if (username === "") return NO_NAME;
      if (hasControl(username)) return INVALID;
      return challenge("Password:", (password) =>
        credentials({ method: "LOGIN", username, password }, judge),
      );
    }),
};
