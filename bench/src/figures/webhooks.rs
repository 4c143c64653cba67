//! Events of Stripe's, stored before they are answered, beside a bare handler that does one insert of the same row and asks for
//! no signature. Everyone's commit waits for the same disk. What follows from them is done meanwhile, as it is on a site.

use super::Figure;
use crate::processor::{Contestant, Round, compare, median};
use crate::site::Site;
use crate::world::World;
use anyhow::Result;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How many deliveries come at a time.
const AT_ONCE: u32 = 64;
/// More than come in all rounds together. None comes twice.
const EVENTS: u32 = 400_000;
/// For how long from now on they are signed, at least: a signature is good for five minutes before and after its moment.
const AHEAD: Duration = Duration::from_secs(280);
const SECRET: &str = "whsec_of_a_measurement_that_is_long_enough";

/// An event as Stripe sends them, but for its number: about 1.5 kB.
const EVENT: &str = include_str!("event.json");

/// Each burst goes on behind where the last one of the same contestant has ended.
const DELIVERIES: &str = "
    local threads = {}
    function setup(thread) table.insert(threads, thread) end
    function init()
        local known = io.open('PLACE')
        position = known and known:read('*n') or 0
        if known then known:close() end
        lines = io.open('LINES')
        lines:seek('set', position)
        body = io.open('BODY'):read('*a')
        wrk.method = 'POST'
        wrk.headers['Content-Type'] = 'application/json; charset=utf-8'
    end
    local count = 0
    function request()
        local line = lines:read('*l')
        position = position + #line + 1
        count = count + 1
        local number, signature = line:sub(1, 12), line:sub(14)
        wrk.headers['Stripe-Signature'] = signature
        wrk.headers['X-Forwarded-For'] = '10.' .. count % 3 .. '.' .. math.floor(count % 60000 / 250) .. '.' .. count % 250
        return wrk.format(nil, nil, nil, (body:gsub('NUMBER', number)))
    end
    function done()
        local place = io.open('PLACE', 'w')
        place:write(threads[1]:get('position'))
        place:close()
    end";

pub fn measure(world: &World) -> Result<Vec<Figure>> {
    let site = world.frontdesk_with(&[("STRIPE_WEBHOOK_SECRET", SECRET)])?;
    let bare = Site::bare(b"", &world.database)?;
    let lines = world.folder.join("events");
    std::fs::write(&lines, signatures()?)?;
    let body = world.folder.join("event.json");
    std::fs::write(&body, EVENT.trim_end())?;
    let contestant = |name, site, path, number| {
        let script = script(&world.folder, number, &lines, &body)?;
        let plain = Contestant::new(name, site, path);
        anyhow::Ok(Contestant { script: Some(script), connections: AT_ONCE, ..plain })
    };
    let rounds = compare(&[
        contestant("webhooks", &site, "/api/webhooks/stripe", 1)?,
        contestant("bare, an insert", &bare, "/events", 2)?,
    ])?;
    let rate = rounds.iter().map(|round: &Round| round[1].per_second / round[0].per_second);
    let cost = rounds.iter().map(|round| round[0].micros / round[1].micros);
    println!("  an event / one bare insert, processor time: {:.2}", median(cost)?);
    Ok(vec![Figure::new("a bare insert / an event of Stripe's, rate", median(rate)?, 1.0 / 0.6)])
}

/// A number and a signature for each event, line by line.
fn signatures() -> Result<String> {
    let at = (SystemTime::now() + AHEAD).duration_since(UNIX_EPOCH)?.as_secs();
    let mut lines = String::new();
    for number in 0..EVENTS {
        let number = format!("{number:012}");
        let mut signing = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes())?;
        signing.update(format!("{at}.").as_bytes());
        signing.update(EVENT.trim_end().replace("NUMBER", &number).as_bytes());
        write!(lines, "{number} t={at},v1=")?;
        for byte in signing.finalize().into_bytes() {
            write!(lines, "{byte:02x}")?;
        }
        lines.push('\n');
    }
    Ok(lines)
}

fn script(folder: &Path, number: u32, lines: &Path, body: &Path) -> Result<PathBuf> {
    let path = folder.join(format!("deliveries-{number}.lua"));
    let place = folder.join(format!("deliveries-{number}.place"));
    let text = DELIVERIES
        .replace("PLACE", &place.display().to_string())
        .replace("LINES", &lines.display().to_string())
        .replace("BODY", &body.display().to_string());
    std::fs::write(&path, text)?;
    Ok(path)
}
