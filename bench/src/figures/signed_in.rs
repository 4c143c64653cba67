//! The page of someone who is signed in, beside anyone's and one query.
//!
//! What a query costs the program that asks it is what a bare handler that looks a session up costs more than one that
//! does not.

use super::Figure;
use crate::processor::{Contestant, Round, compare, median};
use crate::site::Site;
use crate::world::{PAGE, World};
use anyhow::Result;

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
    let rounds = compare(&[
        Contestant::new("anyone", &site, PAGE),
        Contestant {
            header: Some(format!("Cookie: {cookie}")),
            script: Some(script),
            ..Contestant::new("signed in", &site, PAGE)
        },
        Contestant::new("bare", &bare, "/"),
        Contestant::new("bare, with a query", &bare, "/session"),
    ])?;
    let most = |round: &Round| MOST * round[0].micros + round[3].micros - round[2].micros;
    let value = median(rounds.iter().map(|round| round[1].micros))?;
    let most = median(rounds.iter().map(most))?;
    Ok(vec![Figure::new("signed-in page / 3 × anyone's + a query, µs", value, most)])
}
