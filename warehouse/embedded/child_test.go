package embedded_test

const childEnv = "LIVELLO_TEST_CHILD"

func runChild(string) int { return 2 }
