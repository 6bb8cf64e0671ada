//! Every kernel against `scalar`, on made-up forests of every shape, sum and number of outputs, and the oddest rows.
//!
//! What it is not: parity with a library; tests/model_parity.rs has that.
//!
//! Invariant: equal means every bit. Each kernel must have been held on enough forests, or the test fails.

use super::super::forest::{Forest, Node, Sum, Tree, TreeLimits};
use super::super::link::Link;
use super::super::synthetic::Dice;
use super::super::{Body, Model};
use super::*;

/// The shape of a made-up forest.
#[derive(Clone, Copy, Debug)]
struct Shape {
    tree_count: usize,
    split_count: usize,
    depth: usize,
    features: usize,
    thresholds: u64,
    outputs: usize,
    /// Every split of a level asks the same, as CatBoost's do.
    oblivious: bool,
    double: bool,
}

/// Thresholds of a feature, odd ones among them.
fn threshold(dice: &mut Dice, thresholds: u64) -> f32 {
    let at = dice.below(thresholds);
    match at {
        0 if thresholds > 3 => 0.0,
        1 if thresholds > 3 => -0.0,
        2 if thresholds > 200 => f32::INFINITY,
        3 if thresholds > 200 => f32::NEG_INFINITY,
        4 if thresholds > 200 => 1e-45,
        _ => (at as f32 + 0.5) / thresholds as f32 * 2.0 - 1.0,
    }
}

fn leaf(dice: &mut Dice, double: bool) -> Node {
    let value = dice.unit() * 0.05;
    Node::Leaf(if double { f64::from(value) * 1.000_000_012_3 } else { f64::from(value) })
}

fn grown(dice: &mut Dice, shape: Shape) -> Vec<Node> {
    let mut nodes = vec![leaf(dice, shape.double)];
    let mut open = vec![(0usize, 0usize)];
    let mut split_count = 0;
    let questions: Vec<(u32, f32, bool)> = (0..shape.depth)
        .map(|_| {
            let feature = dice.below(shape.features as u64) as u32;
            (feature, threshold(dice, shape.thresholds), dice.below(2) == 0)
        })
        .collect();
    while !open.is_empty() && split_count < shape.split_count {
        // Often the newest, so that some paths are long.
        let at = if dice.below(3) > 0 { open.len() - 1 } else { dice.below(open.len() as u64) as usize };
        let (node, level) = if shape.oblivious { open.remove(0) } else { open.swap_remove(at) };
        if level == shape.depth {
            continue;
        }
        let (feature, threshold, nan_left) = if shape.oblivious {
            questions[level]
        } else {
            let feature = dice.below(shape.features as u64) as u32;
            (feature, threshold(dice, shape.thresholds), dice.below(2) == 0)
        };
        let left = nodes.len() as u32;
        nodes.extend([leaf(dice, shape.double), leaf(dice, shape.double)]);
        nodes[node] = Node::Split { feature, threshold, nan_left, left, right: left + 1 };
        open.extend([(left as usize, level + 1), (left as usize + 1, level + 1)]);
        split_count += 1;
    }
    nodes
}

fn made_up(dice: &mut Dice, shape: Shape) -> Forest {
    let limits = TreeLimits { feature_count: shape.features, output_count: shape.outputs };
    let trees = (0..shape.tree_count).map(|index| {
        let output = (index % shape.outputs) as u32;
        Tree::new(index, output, grown(dice, shape), Vec::new(), limits).unwrap()
    });
    let trees = trees.collect();
    let starts: Vec<f64> = (0..shape.outputs).map(|_| f64::from(dice.unit())).collect();
    let sum = if shape.double {
        let bias: Vec<f64> = starts.iter().map(|start| start * 0.3).collect();
        let (divide, scale) = ([1.0, 3.0][dice.below(2) as usize], [1.0, 0.7][dice.below(2) as usize]);
        Sum::Double { start: starts.into(), divide, scale, bias: bias.into() }
    } else {
        Sum::Single { base: starts.iter().map(|start| *start as f32).collect() }
    };
    let features = (0..shape.features).map(|index| format!("f{index}")).collect();
    Forest { features, sum, link: Link::Identity, trees }
}

fn shape(dice: &mut Dice) -> Shape {
    let mut pick = |choices: &[usize]| choices[dice.below(choices.len() as u64) as usize];
    let oblivious = pick(&[0, 0, 1]) == 1;
    let depth =
        if oblivious { pick(&[1, 2, 4, 6, 6, 8, 9]) } else { pick(&[1, 3, 4, 6, 6, 8, 9, 16, 24, 33, 40]) };
    Shape {
        tree_count: pick(&[1, 2, 3, 5, 15, 16, 17, 63, 64, 65, 70, 131]),
        split_count: if oblivious {
            (1 << depth) - 1
        } else {
            pick(&[0, 1, 7, 15, 15, 16, 30, 31, 32, 62, 63, 64, 200])
        },
        depth,
        features: pick(&[1, 2, 5, 16, 17, 31, 32, 33, 64, 65, 100]),
        thresholds: pick(&[1, 2, 15, 16, 17, 31, 32, 33, 240, 254, 255, 300]) as u64,
        outputs: pick(&[1, 1, 1, 2, 3]),
        oblivious,
        double: pick(&[0, 1]) == 1,
    }
}

fn value(dice: &mut Dice, thresholds: u64) -> f32 {
    let odd =
        [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 0.0, -0.0, 1e-45, -1e-45, f32::MIN_POSITIVE, f32::MAX];
    match dice.below(8) {
        0 => odd[dice.below(odd.len() as u64) as usize],
        1 => threshold(dice, thresholds),
        2 => threshold(dice, thresholds).next_up(),
        3 => threshold(dice, thresholds).next_down(),
        _ => dice.unit() * 1.1,
    }
}

fn model(forest: &Forest, kind: KernelKind) -> Model {
    Model {
        features: forest.features.clone(),
        link: forest.link,
        output_count: forest.sum.output_count(),
        body: Body::Trees(std::sync::Arc::new(Trees::new(forest, kind))),
    }
}

#[test]
fn every_kernel_gives_the_bits_of_scalar_also_when_rows_are_written_value_by_value() {
    let (mut forests, mut values) = ([0usize; KernelKind::ALL.len()], 0u64);
    for seed in 1..=400u64 {
        let mut dice = Dice(seed);
        let shape = shape(&mut dice);
        let forest = made_up(&mut dice, shape);
        let reference = model(&forest, KernelKind::Scalar);
        let mut kernels: Vec<(Model, super::super::Prepared)> = available(&forest)
            .into_iter()
            .map(|kind| model(&forest, kind))
            .map(|model| (model.clone(), model.prepare()))
            .collect();
        for (at, kind) in KernelKind::ALL.iter().enumerate() {
            forests[at] += usize::from(available(&forest).contains(kind));
        }
        let mut row = vec![f32::NAN; shape.features];
        let (mut expected, mut got) = (vec![0.0; shape.outputs], vec![0.0; shape.outputs]);
        for round in 0..40 {
            let mut changed = vec![0u64; shape.features.div_ceil(64)];
            for (feature, x) in row.iter_mut().enumerate() {
                // The first round asks for the row that nobody has written; later ones change a part of it.
                if round > 0 && dice.below(3) > 0 {
                    *x = value(&mut dice, shape.thresholds);
                    changed[feature / 64] |= 1 << (feature % 64);
                }
            }
            reference.scores(&row, &mut expected);
            for (model, prepared) in &mut kernels {
                model.touch();
                let mut held = |got: &[f64], how: &str| {
                    let same = got.iter().zip(&expected).all(|(a, b)| a.to_bits() == b.to_bits());
                    let name = model.kernel_name();
                    assert!(same, "seed {seed} {name} {how}: {got:?}, scalar {expected:?}, {shape:?}");
                    values += 1;
                };
                model.scores(&row, &mut got);
                held(&got, "whole");
                model.write_changed(prepared, &row, &changed);
                model.scores_prepared(prepared, &mut got);
                held(&got, "written");
            }
        }
    }
    println!("400 made-up forests, {values} rows; forests of each kernel:");
    for (kind, count) in KernelKind::ALL.iter().zip(forests) {
        println!("  {:<18} {count}", kind.name());
    }
    assert_eq!(forests[KernelKind::ALL.len() - 1], 400);
    #[cfg(target_arch = "x86_64")]
    for (kind, count) in KernelKind::ALL.iter().zip(forests) {
        let missing = !cpu::avx512_vbmi() || !cpu::avx2();
        assert!(missing || count >= 20, "{}: only {count} forests", kind.name());
    }
}

#[test]
fn the_choice_says_why_not_a_faster_kernel() {
    let mut dice = Dice(7);
    let base = Shape {
        tree_count: 3,
        split_count: 63,
        depth: 40,
        features: 70,
        thresholds: 20,
        outputs: 1,
        oblivious: false,
        double: false,
    };
    let forest = made_up(&mut dice, base);
    let choice = choice(&forest);
    assert_eq!(Some(&choice.chosen), available(&forest).first());
    for (kind, reason) in &choice.refused {
        println!("{}: {reason}", kind.name());
        assert!(!reason.is_empty());
    }
    assert_eq!(choice.refused.len(), KernelKind::ALL.iter().position(|kind| *kind == choice.chosen).unwrap());
}
