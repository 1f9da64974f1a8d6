import { expect } from "chai";
import fc from "fast-check";
import { ServerError, Status } from "nice-grpc";
import { pageOf } from "../../src/service/pages.js";

const keyOf = (value: string) => value;

function allPages(items: readonly string[], pageSize: number, change: (seen: string[]) => readonly string[]): string[] {
  const seen: string[] = [];
  let [list, pageToken] = [items, ""];
  do {
    const page = pageOf(list, keyOf, { pageSize, pageToken });
    seen.push(...page.items);
    pageToken = page.nextPageToken;
    list = change(seen);
  } while (pageToken !== "");
  return seen;
}

describe("pages of a list", () => {
  const lists = fc.uniqueArray(fc.string({ minLength: 1 })).map((items) => items.sort((a, b) => (a < b ? -1 : 1)));

  it("give every item once, in order", () => {
    fc.assert(
      fc.property(lists, fc.integer({ min: 1, max: 7 }), (items, pageSize) => {
        expect(allPages(items, pageSize, () => items)).to.deep.equal(items);
      }),
    );
  });

  it("neither repeat nor skip what stays when other items go", () => {
    fc.assert(
      fc.property(lists, fc.integer({ min: 1, max: 3 }), fc.func(fc.boolean()), (items, pageSize, goes) => {
        const stays = items.filter((item) => !goes(item));
        const seen = allPages(items, pageSize, () => stays);
        expect(new Set(seen).size).to.equal(seen.length);
        expect(seen).to.include.members(stays);
      }),
    );
  });

  it("hold 50 by default and 1000 at most", () => {
    const items = Array.from({ length: 1200 }, (_, at) => String(at).padStart(5, "0"));
    expect(pageOf(items, keyOf, { pageSize: 0, pageToken: "" }).items).to.have.length(50);
    expect(pageOf(items, keyOf, { pageSize: 5000, pageToken: "" }).items).to.have.length(1000);
  });

  it("refuse a token of another making", () => {
    for (const pageToken of ["x", "e30", Buffer.from("[1]").toString("base64url")]) {
      expect(() => pageOf(["a"], keyOf, { pageSize: 1, pageToken }))
        .to.throw(ServerError)
        .with.property("code", Status.INVALID_ARGUMENT);
    }
  });
});
