/** Which hook is called: of options, assigned properties and methods the one that changed last. */
import { expect, test } from "bun:test";
import { type HookOwner, HookResolver } from "../../src/server/hook-resolver.js";

type Hook = () => string;
const base = { onData: (): string => "base", onMailFrom: (): string => "accepts" };
const option: Hook = () => "option";
const another: Hook = () => "another option";
const assigned: Hook = () => "assigned";

/** A server whose class has the base methods, and the resolver of its hooks. */
function make(options: { onData?: unknown; onMailFrom?: unknown } = {}) {
  const owner = Object.assign(Object.create(base) as HookOwner, { options });
  const resolver = new HookResolver(owner, base as never, new Set([base.onMailFrom]));
  return { owner, options, called: () => (resolver.get("onData") as Hook | undefined)?.(), resolver };
}

test("without another it is the method, and none where that accepts everything", () => {
  const { called, resolver, owner } = make();
  expect(called()).toBe("base");
  expect(resolver.get("onMailFrom")).toBeUndefined();
  Object.assign(owner, { onMailFrom: assigned });
  expect(resolver.get("onMailFrom") as unknown).toBe(assigned);
});

test("an option is the server's method from the start", () => {
  const { owner, called } = make({ onData: option });
  expect(owner["onData"]).toBe(option);
  expect(called()).toBe("option");
});

test("an assigned property replaces the option of the start, also before the first client", () => {
  const { owner, called } = make({ onData: option });
  Object.assign(owner, { onData: assigned });
  expect([called(), called()]).toEqual(["assigned", "assigned"]);
});

test("an option that changes later replaces what was assigned", () => {
  const { owner, options, called } = make();
  Object.assign(owner, { onData: assigned });
  expect(called()).toBe("assigned");
  options.onData = option;
  expect(called()).toBe("option");
  options.onData = another;
  expect(called()).toBe("another option");
});

test.each([undefined, null, false])("an option that becomes %p gives way to the method", (none) => {
  const { owner, options, called } = make({ onData: option });
  options.onData = none;
  expect(called()).toBe("base");
  expect(Object.hasOwn(owner, "onData")).toBe(false);
});

test("but not to what was assigned meanwhile", () => {
  const { owner, options, called } = make({ onData: option });
  Object.assign(owner, { onData: assigned });
  options.onData = undefined;
  expect(called()).toBe("assigned");
});

test("what is no function is no hook", () => {
  const { owner, called } = make({ onData: "yes" });
  expect(called()).toBe("base");
  Object.assign(owner, { onData: 1 });
  expect(called()).toBe("base");
});
