//! Tables as text (RFC 4180), safe to open in a spreadsheet: every cell is quoted, and one that a spreadsheet would take
//! for a formula begins with an apostrophe.

/// What a spreadsheet takes for the beginning of a formula.
const FORMULA: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];

/// One line of it.
pub fn line<T: AsRef<str>>(cells: impl IntoIterator<Item = T>) -> String {
    let cells: Vec<String> = cells.into_iter().map(|cell| quoted(cell.as_ref())).collect();
    cells.join(",") + "\r\n"
}

fn quoted(cell: &str) -> String {
    let guard = if cell.starts_with(FORMULA) { "'" } else { "" };
    format!("\"{guard}{}\"", cell.replace('"', "\"\""))
}

/// Reads a table: each row with the number of the line it begins on. Empty lines are passed over, apostrophes that
/// [`line`] has put in front are taken away.
pub fn rows(text: &str) -> Vec<(usize, Vec<String>)> {
    let (mut rows, mut row, mut cell) = (Vec::new(), Vec::new(), String::new());
    let (mut at, mut begun, mut inside) = (1, 1, false);
    let mut rest = text.trim_start_matches('\u{feff}').chars().peekable(); // a mark that some programs begin with
    while let Some(c) = rest.next() {
        at += usize::from(c == '\n');
        match c {
            '"' if inside && rest.peek() == Some(&'"') => cell.extend(rest.next()),
            '"' if inside || cell.trim().is_empty() => inside = !inside,
            ',' | ';' | '\t' if !inside => row.push(std::mem::take(&mut cell)),
            '\r' if !inside => {}
            '\n' if !inside => {
                row.push(std::mem::take(&mut cell));
                rows.push((begun, std::mem::take(&mut row)));
                begun = at;
            }
            _ => cell.push(c),
        }
    }
    row.push(cell);
    rows.push((begun, row));
    let read = |row: Vec<String>| row.iter().map(|cell| unguarded(cell.trim())).collect();
    let rows = rows.into_iter().map(|(at, row)| (at, read(row)));
    rows.filter(|(_, row): &(usize, Vec<String>)| row.iter().any(|cell| !cell.is_empty())).collect()
}

fn unguarded(cell: &str) -> String {
    let guarded = cell.strip_prefix('\'').filter(|rest| rest.starts_with(FORMULA));
    guarded.unwrap_or(cell).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_is_a_formula() {
        for cell in ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx"] {
            assert!(line([cell]).starts_with("\"'"), "{cell:?}");
        }
        assert_eq!(line(["a\"b", "c,d", ""]), "\"a\"\"b\",\"c,d\",\"\"\r\n");
    }

    #[test]
    fn what_was_written_is_read() {
        let text = line(["email", "topics"])
            + &line(["=x@example.com", "a\nb \"c\""])
            + "\r\n"
            + &line(["d", ""]);
        let rows = rows(&text);
        let expected: [(usize, [&str; 2]); 3] =
            [(1, ["email", "topics"]), (2, ["=x@example.com", "a\nb \"c\""]), (5, ["d", ""])];
        assert_eq!(rows.len(), 3);
        for ((at, row), (expected_at, expected)) in rows.iter().zip(expected) {
            assert_eq!(
                (*at, row.as_slice()),
                (expected_at, expected.map(str::to_owned).as_slice())
            );
        }
    }

    #[test]
    fn plain_lines_will_do() {
        let read: Vec<_> =
            rows("\u{feff}a@example.com\n\n b@example.com ;daily\n").into_iter().collect();
        assert_eq!(read[0], (1, vec!["a@example.com".to_owned()]));
        assert_eq!(read[1], (3, vec!["b@example.com".to_owned(), "daily".to_owned()]));
    }
}
