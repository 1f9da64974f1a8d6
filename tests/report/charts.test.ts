import { expect } from "chai";
import fc from "fast-check";
import { CHART_STYLE, DARK, LIGHT, modelColour, resolveStyle } from "../../src/report/charts/colours.js";
import { placeLabels } from "../../src/report/charts/label-placement.js";
import { scatterChart } from "../../src/report/charts/scatter-chart.js";
import { linearScale } from "../../src/report/charts/scale.js";
import { duration, percentage, short, signed } from "../../src/report/format.js";
import { escapeText, markup } from "../../src/report/markup.js";
import { binSteps } from "../../src/report/step-bins.js";

describe("linearScale", () => {
  it("widens to round values", () => {
    const scale = linearScale([0.13, 0.87], [0, 100]);
    expect(scale.domain[0]).to.be.closeTo(0, 1e-12);
    expect(scale.domain[1]).to.be.closeTo(1, 1e-12);
    expect(scale.ticks).to.deep.equal([0, 0.2, 0.4, 0.6, 0.8, 1]);
  });

  it("keeps every value inside its range and its ticks inside the domain", () => {
    const finite = fc.double({ min: -1e6, max: 1e6, noNaN: true });
    fc.assert(
      fc.property(fc.array(finite, { minLength: 1, maxLength: 20 }), fc.boolean(), (values, exact) => {
        const scale = linearScale([...values, NaN], [10, 110], { exact });
        for (const value of values) expect(scale.at(value)).to.be.within(10 - 1e-6, 110 + 1e-6);
        for (const tick of scale.ticks) expect(scale.at(tick)).to.be.within(10 - 1e-6, 110 + 1e-6);
        expect(scale.ticks.length).to.be.within(1, 14);
      }),
    );
  });

  it("has a domain even for nothing", () => {
    expect(linearScale([], [0, 1]).domain).to.deep.equal([0, 1]);
    expect(linearScale([NaN], [0, 1]).ticks.length).to.be.greaterThan(1);
  });
});

describe("binSteps", () => {
  const stages = [
    { stage: 0, name: "easy", firstStep: 1, lastStep: 2 },
    { stage: 1, name: "hard", firstStep: 3, lastStep: 4 },
  ];

  it("averages the samples of a step and breaks at stages", () => {
    const samples = [
      { step: 1, value: 1 },
      { step: 1, value: 3 },
      { step: 2, value: 5 },
      { step: 3, value: NaN },
      { step: 4, value: 7 },
      { step: 9, value: 100 },
    ];
    expect(binSteps(samples, stages, ({ value }) => value)).to.deep.equal([
      [
        { x: 1, y: 2, low: 1.5, high: 2.5 },
        { x: 2, y: 5, low: 5, high: 5 },
      ],
      [{ x: 4, y: 7, low: 7, high: 7 }],
    ]);
  });

  it("joins neighbouring steps of long runs, never across stages", () => {
    const long = [
      { stage: 0, name: "easy", firstStep: 1, lastStep: 301 },
      { stage: 1, name: "hard", firstStep: 302, lastStep: 600 },
    ];
    const samples = Array.from({ length: 600 }, (_, at) => ({ step: at + 1 }));
    const segments = binSteps(samples, long, ({ step }) => (step <= 301 ? 0 : 1));
    expect(segments.flat().length).to.be.within(55, 62);
    expect(new Set(segments[0]?.map(({ y }) => y))).to.deep.equal(new Set([0]));
    expect(new Set(segments[1]?.map(({ y }) => y))).to.deep.equal(new Set([1]));
  });
});

describe("placeLabels", () => {
  it("keeps labels of crowded points apart and inside", () => {
    const plot = { left: 0, right: 400, top: 0, bottom: 300 };
    const points = [
      { text: "easy", x: 390, y: 150 },
      { text: "medium", x: 388, y: 156 },
      { text: "hard", x: 200, y: 290 },
    ];
    const boxes = placeLabels(points, plot, []).map(({ text, x, y, anchor }) => {
      const width = text.length * 6.6;
      const left = anchor === "start" ? x : anchor === "end" ? x - width : x - width / 2;
      return { left, right: left + width, top: y - 10, bottom: y + 3 };
    });
    for (const box of boxes) {
      expect(box.left).to.be.at.least(0);
      expect(box.right).to.be.at.most(400);
      expect(box.bottom).to.be.at.most(300);
    }
    const [a, b] = boxes as [(typeof boxes)[number], (typeof boxes)[number]];
    expect(a.right <= b.left || b.right <= a.left || a.bottom <= b.top || b.bottom <= a.top).to.equal(true);
  });

  it("leads to a point that a label cannot stand beside, or that another is nearer to", () => {
    const plot = { left: 0, right: 400, top: 0, bottom: 300 };
    const [alone] = placeLabels([{ text: "base", x: 200, y: 150 }], plot, []);
    expect(alone?.leader).to.equal(undefined);
    // Everything near the point is taken, so the label goes further away.
    const wall = { left: 120, right: 280, top: 120, bottom: 180 };
    const [far] = placeLabels([{ text: "hard", x: 200, y: 150 }], plot, [wall]);
    expect(far?.leader?.from).to.deep.equal({ x: 200, y: 150 });
    expect(Math.hypot((far?.leader?.to.x ?? 0) - 200, (far?.leader?.to.y ?? 0) - 150)).to.be.above(12);
  });
});

describe("colours", () => {
  const luminance = (hex: string): number => {
    const [red, green, blue] = [1, 3, 5].map((at) => {
      const channel = Number.parseInt(hex.slice(at, at + 2), 16) / 255;
      return channel <= 0.03928 ? channel / 12.92 : ((channel + 0.055) / 1.055) ** 2.4;
    }) as [number, number, number];
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const contrast = (a: string, b: string): number => {
    const [dark, light] = [luminance(a), luminance(b)].sort((x, y) => x - y) as [number, number];
    return (light + 0.05) / (dark + 0.05);
  };

  it("have the contrast that WCAG asks for, 4.5 for text and 3 for graphics", () => {
    for (const palette of [LIGHT, DARK]) {
      const of = (name: string): string => palette[name] as string;
      for (const text of ["ink", "muted", "missed"]) {
        for (const ground of ["paper", "panel"]) expect(contrast(of(text), of(ground)), text).to.be.at.least(4.5);
      }
      expect(contrast(of("absent"), of("absentpaper"))).to.be.at.least(4.5);
      for (const line of ["blue", "orange", "green", "purple", "gold", "grey"]) {
        for (const ground of ["paper", "stage"]) expect(contrast(of(line), of(ground)), line).to.be.at.least(3);
      }
    }
  });

  it("are the same for a model whatever stands beside it", () => {
    expect(modelColour("scpo", ["scpo"])).to.equal(modelColour("scpo", ["base", "x", "scpo"]));
    expect(modelColour("x", ["x", "y"])).not.to.equal(modelColour("y", ["x", "y"]));
  });

  it("are all defined", () => {
    expect(resolveStyle(CHART_STYLE, LIGHT)).not.to.include("var(");
    expect(() => resolveStyle("a{fill:var(--nothing)}", LIGHT)).to.throw("nothing");
  });
});

describe("format and markup", () => {
  it("write numbers for people", () => {
    expect([percentage(12.34), percentage(null), percentage(100)]).to.deep.equal(["12.3", "–", "100.0"]);
    expect([0, 0.012345, -2.5, 5e-5, 123456, 1000].map(short)).to.deep.equal([
      "0",
      "0.0123",
      "−2.5",
      "5e−5",
      "1.23e5",
      "1000",
    ]);
    expect([signed(-0.456), signed(2)]).to.deep.equal(["−0.46", "+2.00"]);
    expect([duration(3.21), duration(45.4), duration(200)]).to.deep.equal(["3.2 s", "45 s", "3 min 20 s"]);
  });

  it("escape text and refuse numbers that are none", () => {
    expect(escapeText(`<a b="c">&'`)).to.equal("&lt;a b=&quot;c&quot;&gt;&amp;&#39;");
    expect(markup`<b>${"<i>"}${markup`<u>`}${1.23456}${null}</b>`.text).to.equal("<b>&lt;i&gt;<u>1.23</b>");
    expect(() => markup`${NaN}`).to.throw(TypeError, "NaN");
  });
});

describe("scatterChart", () => {
  it("draws in the legend what it draws in the chart", () => {
    const point = { name: "p", x: 0.9, y: 0.1, xInterval: null, yInterval: null };
    const chart = scatterChart({
      title: "t",
      xLabel: "x",
      yLabel: "y",
      format: String,
      series: [
        { label: "before", colour: "grey", points: [point] },
        { label: "trained", colour: "blue", start: { x: 0.8, y: 0.5 }, points: [point] },
      ],
    }).text;
    const [, before, trained] = /<p class="legend">(<span>.*?<\/span>)(<span>.*?<\/span>)/s.exec(chart) ?? [];
    expect(before).to.include("<circle").and.not.include("<line");
    expect(trained).to.include("<circle").and.include('class="line dash"');
  });
});
