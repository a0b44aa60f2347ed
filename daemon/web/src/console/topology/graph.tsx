import type { Core, ElementDefinition, StylesheetJson } from "cytoscape";
import { useEffect, useRef, useState } from "preact/hooks";
import { useCell } from "../../cell.ts";
import { common } from "../../i18n/common.ts";
import { harmless } from "../../i18n/index.ts";
import { t } from "../../i18n/console.ts";
import { percent } from "../../format.ts";
import { theme } from "../../theme.ts";
import { Button } from "../../ui/basics.tsx";
import type { Picture } from "./model.ts";

interface GraphProps {
  picture: Picture;
  selected: string;
  way: { roads: Set<string>; spots: Set<string> } | undefined;
  onSelect: (id: string) => void;
  onOpen: (id: string) => void;
}

/** Longest name in the picture, characters; the list has it whole. */
const NAME_MAX = 34;
const short = (name: string) => (name.length > NAME_MAX ? `${name.slice(0, NAME_MAX - 1)}…` : name);

/** The picture. Everything in it stands in the list beside it too, so it is hidden from screen readers. */
export function Graph({ picture, selected, way, onSelect, onOpen }: GraphProps) {
  const box = useRef<HTMLDivElement>(null);
  const core = useRef<Core | null>(null);
  const [ready, setReady] = useState(false);
  const shape = useRef("");
  const handlers = useRef({ onSelect, onOpen });
  handlers.current = { onSelect, onOpen };
  const shown = useCell(theme);

  useEffect(() => {
    let alive = true;
    // The library would write a style element, which our policy forbids; the one rule in it is in our own sheet.
    if (!document.getElementById("__________cytoscape_stylesheet")) {
      const mark = document.createElement("meta");
      mark.id = "__________cytoscape_stylesheet";
      document.head.append(mark);
    }
    void import("cytoscape").then(({ default: cytoscape }) => {
      if (!alive || !box.current) return;
      const graph = cytoscape({ container: box.current, minZoom: 0.15, maxZoom: 2.5, boxSelectionEnabled: false, autoungrabify: true, pixelRatio: "auto" });
      graph.on("tap", "node, edge", (event) => handlers.current.onSelect(event.target.id()));
      graph.on("dbltap", "node", (event) => handlers.current.onOpen(event.target.id()));
      graph.on("tap", (event) => event.target === graph && handlers.current.onSelect(""));
      graph.on("mouseover", "edge", (event) => event.target.addClass("hover"));
      graph.on("mouseout", "edge", (event) => event.target.removeClass("hover"));
      core.current = graph;
      setReady(true);
    });
    return () => {
      alive = false;
      core.current?.destroy();
      core.current = null;
      shape.current = "";
    };
  }, []);

  useEffect(() => {
    if (box.current && core.current) core.current.style(sheet(getComputedStyle(box.current)));
  }, [ready, shown]);

  useEffect(() => {
    const graph = core.current;
    if (!graph) return;
    const elements = elementsOf(picture);
    const now = elements.map(({ data }) => data.id).join("\n");
    graph.batch(() => {
      if (now !== shape.current) {
        const wanted = new Set(elements.map(({ data }) => data.id));
        graph.elements().filter((element) => !wanted.has(element.id())).remove();
      }
      for (const element of elements) {
        const known = graph.getElementById(element.data.id!);
        if (known.empty()) graph.add(element);
        else {
          known.data(element.data);
          if (element.position) known.position(element.position);
        }
      }
      graph.elements().removeClass("chosen way faded");
      if (way && way.roads.size > 0) {
        graph.elements().forEach((element) => {
          element.addClass(way.roads.has(element.id()) || way.spots.has(element.id()) ? "way" : "faded");
        });
      }
      if (selected !== "") graph.getElementById(selected).addClass("chosen");
    });
    // Only what is opened or folded changes the view; news about health and load leaves it where the reader put it.
    if (now !== shape.current) {
      shape.current = now;
      const onWay = graph.elements(".way");
      graph.fit(onWay.nonempty() ? onWay : undefined, 24);
      if (graph.zoom() < 0.45 && onWay.empty()) {
        graph.zoom(Math.min(0.7, graph.width() / 420));
        const first = picture.rows[0]?.spot;
        // On a phone the names of the first column matter more than the middle that all lines come from.
        const left = first && graph.width() < 500 ? first.x + 300 : first?.x;
        if (first && left !== undefined) graph.pan({ x: 40 - left * graph.zoom(), y: graph.height() / 2 - first.y * graph.zoom() });
      }
      if (graph.zoom() > 1.15) {
        graph.zoom(1.15);
        graph.center();
      }
    }
    if (box.current) box.current.dataset.drawn = String(picture.spots.size);
  }, [ready, picture, selected, way]);

  const zoom = (factor: number) => {
    const graph = core.current;
    graph?.zoom({ level: graph.zoom() * factor, renderedPosition: { x: graph.width() / 2, y: graph.height() / 2 } });
  };
  return (
    <div class="map">
      <div ref={box} class="map-canvas" aria-hidden="true" data-test="map" />
      {!ready && <p class="map-wait" role="status">{common("loading")}</p>}
      <div class="map-tools">
        <Button label={t("map.zoom_in")} test="zoom-in" onClick={() => zoom(1.3)}>+</Button>
        <Button label={t("map.zoom_out")} test="zoom-out" onClick={() => zoom(1 / 1.3)}>−</Button>
        <Button label={t("map.fit")} test="fit" onClick={() => core.current?.fit(undefined, 24)}>{t("map.fit.short")}</Button>
      </div>
    </div>
  );
}

function elementsOf(picture: Picture): ElementDefinition[] {
  const spots = [...picture.spots.values()].map((spot): ElementDefinition => {
    const more = [
      spot.health !== "ok" && common(`health.${spot.health}`).toLocaleLowerCase(),
      spot.kind === "unknown" && t("map.unwatched"),
    ].filter(Boolean).join(" · ");
    const name = (spot.kind === "rack" ? t("map.rack", { rack: harmless(spot.name) }) : short(harmless(spot.name))) + (spot.folded > 0 ? ` (+${spot.folded})` : "");
    return { group: "nodes", data: { id: spot.id, label: more === "" ? name : `${name} · ${more}`, health: spot.health, kind: spot.kind, folds: spot.folds ? 1 : 0 }, position: { x: spot.x, y: spot.y } };
  });
  const roads = picture.roads.map((road): ElementDefinition => ({
    group: "edges",
    data: {
      id: road.id, source: road.ends[0], target: road.ends[1],
      health: road.links.length === 0 ? "none" : road.health,
      width: 1.5 + Math.min(100, road.load ?? 0) / 14,
      label: [road.load !== undefined && percent(road.load), road.health !== "ok" && road.links.length > 0 && common(`health.${road.health}`).toLocaleLowerCase()].filter(Boolean).join(" · "),
    },
  }));
  return [...spots, ...roads];
}

function sheet(computed: CSSStyleDeclaration): StylesheetJson {
  const colour = (name: string) => computed.getPropertyValue(`--${name}`).trim();
  const rules: StylesheetJson = [
    {
      selector: "node",
      style: {
        label: "data(label)", "font-family": computed.fontFamily, "font-size": 18, color: colour("text"), "text-wrap": "wrap",
        "text-halign": "right", "text-valign": "center", "text-margin-x": 6, "line-height": 1.15,
        "text-background-color": colour("surface"), "text-background-opacity": 0.85, "text-background-padding": "2px",
        width: 20, height: 20, "background-color": colour("unknown"), "border-width": 0, "min-zoomed-font-size": 5,
      },
    },
    { selector: "node[folds = 1]", style: { width: 28, height: 28, "border-width": 4, "border-style": "double", "border-color": colour("surface") } },
    { selector: 'node[kind = "rack"]', style: { width: 1, height: 1, "background-opacity": 0, "font-weight": "bold", "text-margin-x": -6, events: "no" } },
    { selector: 'node[kind = "unknown"]', style: { shape: "diamond" } },
    { selector: 'node[health = "ok"]', style: { "background-color": colour("ok"), shape: "ellipse" } },
    { selector: 'node[health = "degraded"]', style: { "background-color": colour("degraded"), shape: "triangle" } },
    { selector: 'node[health = "critical"]', style: { "background-color": colour("critical"), shape: "rectangle" } },
    { selector: 'node[health = "unknown"]', style: { "background-color": colour("surface"), "border-width": 2.5, "border-style": "solid", "border-color": colour("unknown") } },
    {
      selector: "edge",
      style: {
        width: "data(width)", "line-color": colour("line-strong"), "curve-style": "bezier", "font-family": computed.fontFamily, "font-size": 16,
        color: colour("text"), "text-background-color": colour("surface"), "text-background-opacity": 0.9, "text-background-padding": "2px",
      },
    },
    { selector: 'edge[health = "degraded"]', style: { "line-color": colour("degraded"), label: "data(label)" } },
    { selector: 'edge[health = "critical"]', style: { "line-color": colour("critical"), "line-style": "dashed", width: 3, label: "data(label)" } },
    { selector: 'edge[health = "unknown"]', style: { "line-style": "dotted" } },
    { selector: 'edge[health = "none"]', style: { "line-style": "dotted", "line-color": colour("line"), width: 1 } },
    { selector: "edge.hover", style: { label: "data(label)", "z-index": 9 } },
    { selector: ".faded", style: { opacity: 0.22 } },
    { selector: "edge.way", style: { "underlay-color": colour("accent"), "underlay-opacity": 0.35, "underlay-padding": 5, label: "data(label)" } },
    { selector: "node.way", style: { "underlay-color": colour("accent"), "underlay-opacity": 0.3, "underlay-padding": 5 } },
    { selector: ".chosen", style: { "overlay-color": colour("focus"), "overlay-opacity": 0.28, "overlay-padding": 6 } },
    { selector: "edge.chosen", style: { label: "data(label)" } },
  ];
  return rules;
}
