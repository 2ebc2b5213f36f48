package mapping_test

import (
	"fmt"

	"github.com/idpbridge/idpbridge/sources"
	"github.com/idpbridge/idpbridge/sync/mapping"
)

func ExampleTable_Values() {
	m, err := mapping.Compile(mapping.Spec{Users: []mapping.Row{
		{To: "userName", From: "user.userPrincipalName", Match: 1},
		{To: "name.formatted", From: `join([user.givenName, user.surname], " ")`},
		{To: `phoneNumbers[type eq "work"].value`, From: "user.businessPhones[0]"},
		{To: "nickName", From: `coalesce(user.mailNickname, user.userPrincipalName.split("@")[0])`},
		{To: "userType", Value: "employee", When: "create"},
	}}, mapping.Scope{}, mapping.Defaults{Groups: []sources.DefaultRow{{To: "displayName", From: "group.displayName", Match: 1}}})
	if err != nil {
		fmt.Println(err)
		return
	}
	users := m.Users()
	values, err := users.Values(map[string]any{
		"userPrincipalName": "ada@example.com", "givenName": "Ada", "surname": nil, "businessPhones": []any{},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for i, path := range users.Paths {
		fmt.Println(path, "=", values[i])
	}
	// Output:
	// name.formatted = Ada
	// nickName = ada
	// phoneNumbers[type eq "work"].value = <nil>
	// userName = ada@example.com
	// userType = employee
}

func ExampleCompile_problems() {
	_, err := mapping.Compile(mapping.Spec{Users: []mapping.Row{
		{To: "userName", From: "user.login"},
		{To: "displayName", From: "upcase(user.displayName)"},
		{To: "userType", Value: "employee", Match: 1},
	}}, mapping.Scope{Users: `user.department = "Sales"`, Groups: "none"}, mapping.Defaults{})
	fmt.Println(err)
	// Output:
	// users[1].from:1:7: undeclared reference to 'upcase'
	// users[2].match: a constant can't tell people apart
	// scope.users:1:17: = is no operator: == compares
	// scope.users:1:19: extraneous input '"Sales"'
}

func ExampleMapping_Explain() {
	m, err := mapping.Compile(mapping.Spec{}, mapping.Scope{
		Users: `user.department == "Sales" && user.mail.endsWith("@example.com")`,
	}, defaults)
	if err != nil {
		fmt.Println(err)
		return
	}
	x := m.Explain(sources.KindUser, map[string]any{"department": "Marketing", "mail": "ada@example.com"})
	for _, clause := range x.Clauses {
		fmt.Println(clause.Result, clause.Text, clause.Reads)
	}
	fmt.Println(x.InScope)
	// Output:
	// false user.department == "Sales" map[user.department:Marketing]
	// true user.mail.endsWith("@example.com") map[user.mail:ada@example.com]
	// false
}
