//! The page of someone who is signed in, beside anyone's and one query: one that is the same for everyone but for the bar
//! above it, and one whose text is for members alone.
//!
//! What a query costs the program that asks it is what a bare handler that looks a session up costs more than one that
//! does not.

use super::Figure;
use crate::processor::{Contestant, Round, compare, median};
use crate::site::Site;
use crate::world::{FOR_MEMBERS, PAGE, World};
use anyhow::{Result, ensure};

/// How many times a stranger's page, beside the query.
const MOST: f64 = 3.0;
/// `wrk` comes as many callers, since one would soon meet its limit.
const CALLERS: &str = "
    local count = 0
    function request()
        count = (count + 1) % 10000
        wrk.headers['X-Forwarded-For'] = '10.0.' .. math.floor(count / 100) .. '.' .. count % 100
        return wrk.format()
    end";

pub fn measure(world: &World) -> Result<Vec<Figure>> {
    let site = world.frontdesk()?;
    let cookie = world.sign_in(&site)?;
    let bare = Site::bare(&site.fetch(PAGE)?, &world.database)?;
    let script = world.folder.join("callers.lua");
    std::fs::write(&script, CALLERS)?;
    let (_, whole) =
        site.ask(&format!("GET {FOR_MEMBERS}"), &format!("cookie: {cookie}\r\n"), "")?;
    ensure!(whole.len() > site.fetch(FOR_MEMBERS)?.len() * 3 / 2, "it is not shown to members");
    let signed_in = |name, path| Contestant {
        header: Some(format!("Cookie: {cookie}")),
        script: Some(script.clone()),
        ..Contestant::new(name, &site, path)
    };
    let rounds = compare(&[
        Contestant::new("anyone", &site, PAGE),
        signed_in("signed in", PAGE),
        signed_in("a text for members", FOR_MEMBERS),
        Contestant::new("bare", &bare, "/"),
        Contestant::new("bare, with a query", &bare, "/session"),
    ])?;
    let most = |round: &Round| MOST * round[0].micros + round[4].micros - round[3].micros;
    let value = |of: usize| median(rounds.iter().map(|round| round[of].micros));
    let most = median(rounds.iter().map(most))?;
    Ok(vec![
        Figure::new("signed-in page / 3 × anyone's + a query, µs", value(1)?, most),
        Figure::new("a text for members / the same, µs", value(2)?, most),
    ])
}
