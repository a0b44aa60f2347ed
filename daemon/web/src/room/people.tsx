import { useState } from "preact/hooks";
import { byName } from "../format.ts";
import { common } from "../i18n/common.ts";
import { r } from "../i18n/room.ts";
import { matches } from "../search.ts";
import { Name } from "../ui/basics.tsx";
import { FilterBox } from "../ui/forms.tsx";
import { Icon } from "./icons.tsx";
import type { SeatState } from "./seat.ts";

/** Everyone in the room, with what each has on. */
export function People({ state }: { state: SeatState }) {
  const [query, setQuery] = useState("");
  const shown = state.participants
    .filter((one) => matches(query, one.name, one.site_name))
    .sort((x, y) => byName(x.site_name, y.site_name) || byName(x.name, y.name));
  return (
    <div class="people" data-test="people-list">
      <FilterBox value={query} onInput={setQuery} placeholder={r("people.filter")} test="people-filter" />
      <ul>
        {shown.map((one) => (
          <li key={one.id} class="person" data-test="person" data-participant={one.id}>
            <div>
              <b><Name>{one.site_name}</Name></b>
              {one.id === state.self?.id && <span class="tag">{r("self")}</span>}
              {one.kind !== "person" && <span class="tag device">{r(`person.${one.kind}`)}</span>}
              {one.role !== "delegate" && one.kind === "person" && <span class="tag">{common(`role.${one.role}`)}</span>}
              {one.name !== one.site_name && <p class="quiet"><Name>{one.name}</Name></p>}
              {!one.connected && <p class="health-critical small">{r("person.dropped")}</p>}
              {one.floor && <p class="health-ok small">{r("person.floor")}</p>}
              {one.hand !== undefined && !one.floor && <p class="health-degraded small">{r("person.hand")}</p>}
            </div>
            {one.kind !== "player" && <span class="person-marks">
              <span title={r(one.mic ? "person.mic_on" : "person.mic_off")}><Icon name={one.mic ? "mic" : "mic_off"} /><span class="unseen">{r(one.mic ? "person.mic_on" : "person.mic_off")}</span></span>
              {!one.cam && <span title={r("person.cam_off")}><Icon name="cam_off" /><span class="unseen">{r("person.cam_off")}</span></span>}
            </span>}
          </li>
        ))}
      </ul>
    </div>
  );
}
