#pragma once

#include <gtest/gtest.h>

#include <program_facts/program_facts.h>
#include <support/program_builder.h>

namespace etrt::test {

/// What a program of this one method says of it.
inline program_facts::MethodFacts facts_of(const support::ProgramSpec::Method& method) {
  support::ProgramSpec program{.methods = {method}};
  program.segments[0].resize(256);
  program.constant_offsets = {0, 0};
  const auto facts = program_facts::read(program.build());
  EXPECT_TRUE(facts.ok()) << facts.error().message();
  return facts.ok() ? *facts->entry() : program_facts::MethodFacts{};
}

}  // namespace etrt::test
