//! Leads, stored before they are answered: through the API and through the contact form, beside a bare handler that does one
//! insert of the same row into the same table. Everyone's commit waits for the same disk.

use super::Figure;
use crate::processor::{Contestant, Round, compare, median};
use crate::site::Site;
use crate::world::World;
use anyhow::Result;
use std::path::{Path, PathBuf};

/// How many people write at a time.
const AT_ONCE: u32 = 64;

/// No two leads are alike, and `wrk` comes as so many callers that none meets its limit.
const LEADS: &str = "
    local count = SEED
    wrk.method = 'POST'
    HEADERS
    function request()
        count = count + 1
        local caller = count % 60000
        wrk.headers['X-Forwarded-For'] = '10.' .. count % 3 .. '.' .. math.floor(caller / 250) .. '.' .. caller % 250
        return wrk.format(nil, nil, nil, string.format(BODY, count, count, count))
    end";
const JSON: &str = r#"'{"name":"Ann Li %d","email":"ann%d@example.com","company":"Li & Co","phone":"+44 20 7946 0000","message":"We would like two new signs for the shop, number %d, before the spring."}'"#;
const FORM: &str = "'name=Ann+Li+%d&email=ann%d%%40example.com&company=Li+%%26+Co&phone=%%2B44+20+7946+0000&message=We+would+like+two+new+signs+for+the+shop%%2C+number+%d%%2C+before+the+spring.'";

pub fn measure(world: &World) -> Result<Vec<Figure>> {
    let site = world.frontdesk()?;
    let bare = Site::bare(b"", &world.database)?;
    let key = format!("wrk.headers['x-api-key'] = '{}'", world.key("leads:write")?);
    let ours = format!("wrk.headers['Origin'] = 'http://{}'", site.authority);
    let json = "wrk.headers['Content-Type'] = 'application/json'";
    let form = "wrk.headers['Content-Type'] = 'application/x-www-form-urlencoded'";
    let script = |number, headers: &[&str], body| script(&world.folder, number, headers, body);
    let contestant = |name, site, path, script| Contestant {
        script: Some(script),
        connections: AT_ONCE,
        ..Contestant::new(name, site, path)
    };
    let rounds = compare(&[
        contestant("API", &site, "/api/v1/leads", script(1, &[json, &key], JSON)?),
        contestant("bare, JSON", &bare, "/leads", script(2, &[json], JSON)?),
        contestant("contact form", &site, "/contact", script(3, &[form, &ours], FORM)?),
        contestant("bare, form", &bare, "/contact", script(4, &[form], FORM)?),
    ])?;
    let cost = |one: usize, other: usize| {
        median(rounds.iter().map(|round: &Round| round[one].micros / round[other].micros))
    };
    let rate = |one: usize, other: usize| {
        median(rounds.iter().map(|round| round[other].per_second / round[one].per_second))
    };
    Ok(vec![
        Figure::new("a lead by the API / one bare insert, processor time", cost(0, 1)?, 1.7),
        Figure::new("a bare insert / a lead by the API, rate", rate(0, 1)?, 1.0 / 0.6),
        Figure::new("a bare insert / a lead by the contact form, rate", rate(2, 3)?, 1.0 / 0.5),
    ])
}

fn script(folder: &Path, number: u32, headers: &[&str], body: &str) -> Result<PathBuf> {
    let path = folder.join(format!("leads-{number}.lua"));
    // A burst begins where no other has been: the clock has moved on by more than a burst has leads.
    let seed = format!("{number} * 1e12 + os.time() * 100000 % 1e12");
    let text = LEADS.replace("SEED", &seed).replace("HEADERS", &headers.join("\n    "));
    std::fs::write(&path, text.replace("BODY", body))?;
    Ok(path)
}
