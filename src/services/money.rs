//! What money can be asked for: in which currencies, and how little of each at least, as Stripe takes it (its documentation,
//! "Supported currencies" and "Minimum and maximum charge amounts"). It refuses currencies that are counted in thousandths, and
//! those of which Stripe wants other units than their own: a price in one would be another than the one that was typed.

use crate::error::{Error, Result};
use templates::format;
use validator::ValidationError;

/// What people pay in, as codes of ISO 4217.
const CURRENCIES: &str = "aed afn all amd ang aoa ars aud awg azn bam bbd bdt bif bmd bnd bob brl bsd bwp byn bzd cad cdf chf clp \
    cny cop crc cve czk djf dkk dop dzd egp etb eur fjd fkp gbp gel gip gmd gnf gtq gyd hkd hnl htg huf idr ils inr jmd jpy kes kgs \
    khr kmf krw kyd kzt lak lbp lkr lrd lsl mad mdl mga mkd mmk mnt mop mur mvr mwk mxn myr mzn nad ngn nio nok npr nzd pab pen pgk \
    php pkr pln pyg qar ron rsd rub rwf sar sbd scr sek sgd shp sle sos srd std szl thb tjs top try ttd twd tzs uah usd uyu uzs vnd \
    vuv wst xaf xcd xof xpf yer zar zmw";

/// The least that is taken at once, in smallest units, where there is more of a least than one of them.
const LEAST: [(&str, i64); 23] = [
    ("aed", 200),
    ("aud", 50),
    ("brl", 50),
    ("cad", 50),
    ("chf", 50),
    ("czk", 1500),
    ("dkk", 250),
    ("eur", 50),
    ("gbp", 30),
    ("hkd", 400),
    ("huf", 17_500),
    ("inr", 50),
    ("jpy", 50),
    ("mxn", 1000),
    ("myr", 200),
    ("nok", 300),
    ("nzd", 50),
    ("pln", 200),
    ("ron", 200),
    ("sek", 300),
    ("sgd", 50),
    ("thb", 1000),
    ("usd", 50),
];

/// The most that is taken at once, in smallest units.
pub const MOST: i64 = 99_999_999;

/// Refuses what nothing can be paid in here.
///
/// # Errors
/// What to write instead.
pub fn currency(code: &str) -> std::result::Result<(), ValidationError> {
    if code.len() == 3 && CURRENCIES.split(' ').any(|known| known == code) {
        return Ok(());
    }
    let message = "Use the three small letters of a currency that Stripe takes, such as eur.";
    Err(ValidationError::new("currency").with_message(message.into()))
}

/// Refuses an amount, in smallest units, that is less than can be asked for; `field` is where it was typed.
///
/// # Errors
/// [`Error::Invalid`], which says how much it has to be.
pub fn takes(field: &'static str, amount: i64, currency: &str) -> Result<()> {
    let least = least(currency);
    if amount >= least {
        return Ok(());
    }
    let least = format::money(least, currency);
    Err(Error::field(field, format!("Ask for {least} at least: Stripe takes no less at once.")))
}

fn least(currency: &str) -> i64 {
    LEAST.iter().find(|(code, _)| *code == currency).map_or(1, |(_, least)| *least)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_currency_is_one_that_is_counted_as_we_do() {
        for known in ["eur", "usd", "jpy", "zmw", "aed"] {
            assert!(currency(known).is_ok(), "{known}");
        }
        for unknown in ["", "e", "EUR", "xxx", "eu ", "r g", "ur ", "kwd", "isk", "ugx", "euro"] {
            assert!(currency(unknown).is_err(), "{unknown}");
        }
        assert!(LEAST.iter().all(|(code, least)| currency(code).is_ok() && *least > 1));
        assert_eq!((least("eur"), least("jpy"), least("xof")), (50, 50, 1));
        let refused = takes("price", 1499, "czk").unwrap_err().to_string();
        assert!(
            takes("price", 1500, "czk").is_ok() && takes("price", 1, "xof").is_ok(),
            "{refused}"
        );
    }
}
