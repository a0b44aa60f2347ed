import { useState } from "preact/hooks";
import type { ConferenceDetail } from "../api.ts";
import { common } from "../i18n/common.ts";
import { d } from "../i18n/desk.ts";
import { matches } from "../search.ts";
import { CopyButton, Name, Panel } from "../ui/basics.tsx";
import { FilterBox } from "../ui/forms.tsx";

/** The link as an address that can be sent: the daemon may answer with a path. */
export function absolute(link: string): string {
  return new URL(link, location.origin).href;
}

/** One join link a site, each to be copied and sent alone. */
export function Links({ conference }: { conference: ConferenceDetail }) {
  const [query, setQuery] = useState("");
  const shown = conference.invitations.filter((invitation) => matches(query, invitation.site_name));
  const visible = conference.invitations.some((invitation) => invitation.link !== undefined);
  const all = conference.invitations.filter((invitation) => invitation.link).map((invitation) => `${invitation.site_name}\t${absolute(invitation.link!)}`).join("\n");
  return (
    <>
      {conference.host_link && (
        <Panel title={d("detail.host_link")} test="host-link-panel">
          <p class="quiet">{d("detail.host_link.text")}</p>
          <LinkLine link={absolute(conference.host_link)} test="host-link" />
        </Panel>
      )}
      <Panel
        title={<>{d("detail.links")} <span class="quiet num">({conference.invitations.length})</span></>}
        aside={
          <span class="panel-tools">
            <a class="button plain" href={`/api/v1/conferences/${conference.id}/calendar.ics`} download data-test="ics">{d("detail.ics")}</a>
            {visible && <CopyButton text={all} test="copy-all" label={d("detail.copy_all")} />}
          </span>
        }
      >
        {conference.invitations.length > 8 && <FilterBox value={query} onInput={setQuery} placeholder={d("detail.links.filter")} test="link-filter" />}
        {!visible && <p class="quiet">{d("detail.links.hidden")}</p>}
        <ul class="links" data-test="join-links">
          {shown.map((invitation) => (
            <li key={`${invitation.site} ${invitation.role}`} data-site={invitation.site}>
              <span class="links-site"><b><Name>{invitation.site_name}</Name></b> {invitation.role !== "delegate" && <span class="tag">{common(`role.${invitation.role}`)}</span>}</span>
              {invitation.link && <LinkLine link={absolute(invitation.link)} test="join-link" site={invitation.site} />}
            </li>
          ))}
        </ul>
      </Panel>
    </>
  );
}

function LinkLine({ link, test, site }: { link: string; test: string; site?: string }) {
  return (
    <div class="link-line">
      <input class="input mono" readOnly value={link} aria-label={d("detail.links")} data-test={test} data-site={site} onFocus={(event) => event.currentTarget.select()} />
      <CopyButton text={link} test={`${test}-copy`} />
      <a class="button plain" href={link} target="_blank" rel="noopener noreferrer" data-test={`${test}-open`}>{d("detail.open")}</a>
    </div>
  );
}
