import { expect } from "chai";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Browser, type HTTPRequest, launch, type Page } from "puppeteer-core";
import { contentKey } from "../../src/pairs/content-key.js";
import type { PairRow } from "../../src/pairs/pair-row.js";
import { streamPairRows, writePairRows } from "../../src/pairs/pair-rows.js";
import { applyDecisions } from "../../src/review/apply-decisions.js";
import { readDecisions } from "../../src/review/decisions-file.js";
import { type PairsView, viewPairs } from "../../src/review/view-pairs.js";
import { reviewPairs } from "../fixtures/review-pairs.js";

const CHROMIUM = [
  process.env["CHROMIUM_PATH"],
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
].find((path) => path !== undefined && existsSync(path));

describe(`scpo pairs view in a browser${CHROMIUM === undefined ? " (no Chromium found; name one: CHROMIUM_PATH)" : ""}`, function () {
  this.timeout(120_000);
  let folder: string;
  let pairs: string;
  let rows: PairRow[];
  let view: PairsView;
  let browser: Browser | undefined;
  let page: Page;
  const faults: string[] = [];

  before(async function () {
    if (CHROMIUM === undefined) return this.skip();
    folder = await mkdtemp(join(tmpdir(), "scpo-browser-"));
    pairs = join(folder, "pairs.parquet");
    rows = await reviewPairs(60);
    await writePairRows(pairs, rows);
    view = await viewPairs({ pairs });
    browser = await launch({ executablePath: CHROMIUM, args: ["--no-sandbox", "--disable-gpu"] });
    page = await browser.newPage();
    page.on("pageerror", (error) => faults.push(String(error)));
    page.on("console", (message) => {
      // A picture that is still to be made is asked for and is not there.
      if (message.type() === "error" && !message.text().includes("404")) faults.push(message.text());
    });
    await page.setViewport({ width: 1300, height: 900 });
    await page.goto(view.address);
    await shows("60 pairs");
  });
  after(async () => {
    if (browser === undefined) return;
    await view.close();
    await browser.close();
    await rm(folder, { recursive: true, force: true });
  });

  // As text, since the names of a browser are none of Node's.
  const of = async <Value>(selector: string, property: string): Promise<Value[]> =>
    (await page.evaluate(
      `[...document.querySelectorAll(${JSON.stringify(selector)})].map((found) => found.${property})`,
    )) as Value[];
  const textsOf = (selector: string): Promise<string[]> => of(selector, "textContent");
  const shows = (count: string): Promise<unknown> =>
    page.waitForFunction(
      `document.querySelector("#count").textContent === ${JSON.stringify(count)} && !document.querySelector("[aria-busy]")`,
    );
  const says = (text: string): Promise<unknown> =>
    page.waitForFunction(`document.querySelector("#status").textContent.includes(${JSON.stringify(text)})`);
  const current = async (): Promise<string> => (await of<string>(":focus", "ariaLabel"))[0] ?? "";

  it("shows quadruples with the words that differ marked", async () => {
    const cards = await textsOf(".card");
    expect(cards).to.have.length(24);
    expect(await textsOf("[data-row='0'] mark")).to.deep.equal(["red"]);
    expect(await textsOf("[data-row='0'] figcaption")).to.have.length(2);
    expect((await textsOf("[data-row='0'] .chosen figcaption"))[0]).to.include(rows[0]?.chosen);
    expect(await page.evaluate(`getComputedStyle(document.querySelector("mark")).textDecorationLine`)).to.equal(
      "underline",
    );
    const sizes = await of<number[]>("[data-row='0'] img", "naturalWidth");
    expect(sizes).to.deep.equal([16, 16]);
    expect((await textsOf("[data-row='10'] .rejected"))[0]).to.include("still to be made");
    await page.waitForFunction(
      `document.querySelector("[data-row='6'] .rejected .picture").textContent === "picture still to be made"`,
    );
  });

  it("filters by kind, text and number, and shows all again", async () => {
    await page.click("#filters input[data-field=kinds][value='\"presence\"']");
    await shows("15 of 60 pairs");
    expect((await textsOf(".card")).every((text) => text.includes("presence"))).to.equal(true);
    await page.keyboard.press("/");
    await page.keyboard.type("HORSE");
    const horses = rows.filter(({ kind, chosen }) => kind === "presence" && chosen.includes("horse"));
    await shows(`${horses.length} of 60 pairs`);
    await page.type("[data-range=entropy][data-end=low]", "0.5");
    await page.keyboard.press("Tab");
    const left = horses.filter(({ signals }) => (signals.entropy ?? 0) >= 0.5);
    await shows(`${left.length} of 60 pairs`);
    expect(left.length).to.be.lessThan(horses.length);
    expect((await of<string>(".card", "dataset.row")).map(Number)).to.deep.equal(
      left.map(({ id }) => Number(id.replace("pair-", ""))),
    );
    await page.reload();
    await shows(`${left.length} of 60 pairs`);
    await page.click("#clear-filters");
    await shows("60 pairs");
  });

  it("keys decide, undo and re-grade; each decision is on the disk", async () => {
    await page.focus("[data-row='0']");
    await page.keyboard.press("a");
    await says("pair-0: ✓ accepted");
    expect(await current()).to.equal("pair-1");
    await page.keyboard.press("r");
    await says("pair-1: ✕ rejected");
    await page.keyboard.press("2");
    await says("pair-2: → stage 2");
    await page.keyboard.press("r");
    await says("pair-3: ✕ rejected");
    await page.keyboard.press("u");
    await says("pair-3: undecided");
    await page.waitForSelector("[data-row='3']:focus");
    await page.keyboard.press("k");
    expect(await current()).to.equal("pair-2, → stage 2");
    const decided = await readDecisions(view.decisionsPath);
    expect([...decided.values()].map(({ id, decision, stage }) => [id, decision, stage])).to.deep.equal([
      ["pair-0", "accept", undefined],
      ["pair-1", "reject", undefined],
      ["pair-2", "stage", 2],
    ]);
    for (const { id, fingerprint } of decided.values()) {
      expect(fingerprint).to.equal(contentKey(rows.find((row) => row.id === id) as PairRow));
    }
    expect(await textsOf("#progress")).to.deep.equal(["1 accepted · 1 rejected · 1 re-graded"]);
  });

  it("shows decisions again after a reload, and finds them", async () => {
    await page.reload();
    await shows("60 pairs");
    expect(await textsOf(".badge")).to.deep.equal(["✓ accepted", "✕ rejected", "→ stage 2"]);
    await page.click("#filters input[value=undecided]");
    await shows("57 of 60 pairs");
    await page.click("#clear-filters");
    await shows("60 pairs");
  });

  it("shows a pair's whole record, in which keys move and decide on", async () => {
    await page.focus("[data-row='4']");
    await page.keyboard.press("Enter");
    await page.waitForSelector("#detail[open] .record");
    expect(await textsOf("#detail-title")).to.deep.equal(["pair-4"]);
    expect((await textsOf("#detail .record"))[0])
      .to.include("mat")
      .and.include('"box":[0.1,0.2,0.3,0.4]');
    await page.keyboard.press("r");
    await page.waitForFunction(`document.querySelector("#detail-title").textContent === "pair-5"`);
    await says("pair-4: ✕ rejected");
    await page.keyboard.press("Escape");
    await page.waitForSelector("[data-row='5']:focus");
  });

  it("leaves a record alone that comes when the dialog was closed", async () => {
    const held: HTTPRequest[] = [];
    const hold = (request: HTTPRequest): void => {
      if (request.url().endsWith("/api/pairs/6")) held.push(request);
      else void request.continue();
    };
    await page.keyboard.press("Enter");
    await page.waitForSelector("#detail[open]");
    await page.setRequestInterception(true);
    page.on("request", hold);
    const asked = page.waitForRequest((request) => request.url().endsWith("/api/pairs/6"));
    await page.keyboard.press("j");
    await asked;
    await page.keyboard.press("Escape");
    await page.waitForSelector("[data-row='6']:focus");
    const answered = page.waitForResponse((response) => response.url().endsWith("/api/pairs/6"));
    await held[0]?.continue();
    await (await answered).text();
    page.off("request", hold);
    await page.setRequestInterception(false);
    await page.evaluate("new Promise((then) => requestAnimationFrame(() => requestAnimationFrame(then)))");
    expect(held).to.have.length(1);
    expect(await page.$$("#detail[open]")).to.deep.equal([]);
  });

  it("turns pages by key, over the end of one too", async () => {
    await page.keyboard.press("n");
    await page.waitForSelector("[data-row='24']:focus");
    await page.keyboard.press("k");
    await page.waitForSelector("[data-row='23']:focus");
    await page.keyboard.press("j");
    await page.waitForSelector("[data-row='24']:focus");
    await page.keyboard.press("p");
    await page.waitForSelector("[data-row='0']:focus");
  });

  it("shows distributions and relations, which filter", async () => {
    await page.keyboard.press("f");
    await page.waitForSelector("#correlations button");
    expect(await textsOf("#figures figcaption")).to.have.members(["entropy", "image_similarity", "difficulty"]);
    expect(await page.$$("#relation .cell")).to.not.have.length(0);
    await page.click("[data-pair-x=difficulty][data-pair-y=entropy]");
    await page.waitForFunction(
      `document.querySelector("#relation svg").getAttribute("aria-label").startsWith("difficulty and entropy")`,
    );
    const count = rows.filter(({ kind, stage }) => kind === "object" && stage === 1).length;
    await page.click("[data-kind='\"object\"'][data-stage='1']");
    await shows(`${count} of 60 pairs`);
    await page.click("#clear-filters");
    await shows("60 pairs");
    // Over the right half of a histogram.
    const bars = await page.waitForSelector("[data-histogram=difficulty] svg");
    await bars?.scrollIntoView();
    const box = (await bars?.boundingBox()) as { x: number; y: number; width: number; height: number };
    await page.mouse.move(box.x + box.width * 0.505, box.y + 20);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width * 0.99, box.y + 20, { steps: 4 });
    await page.mouse.up();
    await page.waitForSelector(".range.active");
    const [low] = await of<string>("[data-range=difficulty]", "value");
    const half = rows.filter(({ difficulty }) => (difficulty as number) >= Number(low)).length;
    expect(half).to.be.within(28, 32);
    await shows(`${half} of 60 pairs`);
  });

  it("leads to the file that scpo pairs apply writes, without a fault of the page", async () => {
    const out = join(folder, "out.parquet");
    const applied = await applyDecisions({ pairs, out });
    expect(applied).to.include({ read: 60, written: 58, rejected: 2, accepted: 1, regraded: 1 });
    const written = new Map<string, number | null>();
    for await (const { id, stage } of streamPairRows(out)) written.set(id, stage);
    expect([written.has("pair-1"), written.has("pair-4"), written.get("pair-2")]).to.deep.equal([false, false, 2]);
    expect(faults).to.deep.equal([]);
  });
});
