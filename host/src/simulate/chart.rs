//! The chart of a simulation: rebuild seconds lost against the size of the store, one line a policy.

use std::fmt::Write as _;

/// What is drawn of a policy.
#[derive(Clone, Debug)]
pub struct Line {
    /// Its name.
    pub name: String,
    /// Bytes of the store, and seconds lost there.
    pub points: Vec<(u64, f64)>,
}

const WIDTH: f64 = 800.0;
const HEIGHT: f64 = 480.0;
const LEFT: f64 = 70.0;
const RIGHT: f64 = 24.0;
const TOP: f64 = 56.0;
const BOTTOM: f64 = 70.0;
/// Colours that most people can tell apart (Okabe and Ito, "Color Universal Design", 2008).
const COLOURS: [&str; 6] = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#000000"];

/// Draws it. Seconds are on a logarithmic axis that begins at one, since policies differ by factors; `sizes` are the marks below, with
/// what stands at them.
pub fn svg(title: &str, sizes: &[(u64, String)], lines: &[Line]) -> String {
    let most = lines.iter().flat_map(|line| &line.points).map(|(_, seconds)| *seconds).fold(10.0, f64::max);
    let decades = most.log10().ceil().max(1.0);
    let (smallest, largest) = sizes.iter().fold((u64::MAX, 0), |(low, high), (size, _)| (low.min(*size), high.max(*size)));
    let span = (largest.saturating_sub(smallest)).max(1) as f64;
    // A little room on both sides of the marks.
    let x = |size: u64| LEFT + (0.04 + 0.92 * (size.saturating_sub(smallest)) as f64 / span) * (WIDTH - LEFT - RIGHT);
    let bottom = HEIGHT - BOTTOM;
    let y = |seconds: f64| bottom - seconds.max(1.0).log10() / decades * (bottom - TOP);

    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" font-size=\"13\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n<text x=\"{LEFT}\" y=\"24\" font-size=\"15\">{}</text>\n",
        escaped(title)
    );
    for decade in 0..=decades as u32 {
        let value = 10_f64.powi(decade as i32);
        let at = y(value);
        let label = if decade == 0 { "≤ 1 s".to_owned() } else { format!("{value} s") };
        let _ = writeln!(
            out,
            "<line x1=\"{LEFT}\" y1=\"{at:.1}\" x2=\"{:.1}\" y2=\"{at:.1}\" stroke=\"#ddd\"/>\
             <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{label}</text>",
            WIDTH - RIGHT,
            LEFT - 8.0,
            at + 4.0
        );
    }
    for (size, label) in sizes {
        let at = x(*size);
        let _ = writeln!(
            out,
            "<line x1=\"{at:.1}\" y1=\"{TOP}\" x2=\"{at:.1}\" y2=\"{bottom}\" stroke=\"#eee\"/>\
             <text x=\"{at:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
            bottom + 20.0,
            escaped(label)
        );
    }
    let _ = writeln!(
        out,
        "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">size of the store</text>\
         <text x=\"18\" y=\"{:.1}\" text-anchor=\"middle\" transform=\"rotate(-90 18 {:.1})\">rebuild seconds lost</text>",
        f64::midpoint(LEFT, WIDTH - RIGHT),
        HEIGHT - 24.0,
        f64::midpoint(TOP, bottom),
        f64::midpoint(TOP, bottom),
    );
    let mut legend = LEFT;
    for (line, colour) in lines.iter().zip(COLOURS.iter().cycle()) {
        let mut points = line.points.clone();
        points.sort_by_key(|(size, _)| *size);
        let path: Vec<String> = points.iter().map(|(size, seconds)| format!("{:.1},{:.1}", x(*size), y(*seconds))).collect();
        let _ = writeln!(out, "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>", path.join(" "));
        for (size, seconds) in points {
            let _ = writeln!(
                out,
                "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"4\" fill=\"{colour}\"><title>{}: {seconds:.1} s</title></circle>",
                x(size),
                y(seconds),
                escaped(&line.name)
            );
        }
        let _ = writeln!(
            out,
            "<rect x=\"{legend:.1}\" y=\"36\" width=\"12\" height=\"12\" fill=\"{colour}\"/><text x=\"{:.1}\" y=\"47\">{}</text>",
            legend + 18.0,
            escaped(&line.name)
        );
        legend += 36.0 + 7.5 * line.name.chars().count() as f64;
    }
    out.push_str("</svg>\n");
    out
}

/// Text as XML takes it.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{Line, svg};

    #[test]
    fn more_seconds_lie_higher_and_larger_stores_further_right() {
        let line = Line { name: "a<b".to_owned(), points: vec![(200, 0.0), (100, 1000.0)] };
        let text = svg("t", &[(100, "1x".to_owned()), (200, "2x".to_owned())], &[line]);
        let points = text.split_once("points=\"").unwrap().1.split_once('"').unwrap().0;
        let numbers: Vec<f64> = points.split([' ', ',']).map(|number| number.parse().unwrap()).collect();
        let [x1, y1, x2, y2] = numbers.as_slice() else { panic!("{points}") };
        assert!(x1 < x2 && y1 < y2, "{points}");
        assert!(text.contains("a&lt;b") && !text.contains("a<b"));
    }

    #[test]
    fn one_size_and_no_loss_make_a_chart_as_well() {
        let line = Line { name: "a".to_owned(), points: vec![(7, 0.0)] };
        let text = svg("t", &[(7, "7 B".to_owned())], &[line]);
        assert!(text.ends_with("</svg>\n") && !text.contains("NaN") && !text.contains("inf"), "{text}");
    }
}
